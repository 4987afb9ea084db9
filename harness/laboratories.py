"""Several simulated worlds of one app, opened alike: trials side by side, told in the order asked for.

A schedule has the same history in each of them, byte for byte, so that nothing depends on which one tried it,
nor on how many there are.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

from harness.contract import Contract
from harness.trials import Laboratory, Schedule, Trial, laboratory

MOST = 8
"""More worlds than this at once are more memory than speed."""
AHEAD = 2
"""Trials under way or waiting, by world, while an earlier one is looked at."""


@dataclass(frozen=True, slots=True)
class Laboratories:
    """Worlds that were opened alike."""

    each: tuple[Laboratory, ...]

    @property
    def contract(self) -> Contract:
        """The contract by which trials are judged."""
        return self.each[0].contract

    def try_out(self, schedule: Schedule) -> Trial:
        """One trial."""
        return self.each[0].try_out(schedule)

    def try_all(self, schedules: Iterable[Schedule]) -> Generator[Trial]:
        """A trial of each, in their order; whoever has seen enough closes the generator."""
        if len(self.each) == 1:
            for schedule in schedules:
                yield self.try_out(schedule)
            return
        free: SimpleQueue[Laboratory] = SimpleQueue()
        for one in self.each:
            free.put(one)

        def one_of_them(schedule: Schedule) -> Trial:
            lab = free.get_nowait()  # there are as many threads as worlds
            try:
                return lab.try_out(schedule)
            finally:
                free.put(lab)

        waiting = iter(schedules)
        under_way: deque[Future[Trial]] = deque()
        with ThreadPoolExecutor(len(self.each), "trial") as pool:
            try:
                for schedule in waiting:
                    under_way.append(pool.submit(one_of_them, schedule))
                    if len(under_way) > AHEAD * len(self.each):
                        yield under_way.popleft().result()
                while under_way:
                    yield under_way.popleft().result()
            finally:
                for future in under_way:
                    future.cancel()


@contextmanager
def laboratories(
    app: str,
    contract: Contract,
    workdir: Path,
    *,
    broker: str = "redis",
    seed: int = 0,
    guarantees: Sequence[str] = (),
    jobs: int | None = None,
) -> Iterator[Laboratories]:
    """Open `jobs` worlds, unless said one for each processor; errors are those of `harness.trials`."""
    count = min(MOST, len(os.sched_getaffinity(0))) if jobs is None else jobs
    with ExitStack() as stack, ThreadPoolExecutor(count, "open") as pool:

        def opened(_: int) -> Laboratory:
            one = laboratory(app, contract, workdir, broker=broker, seed=seed, guarantees=guarantees)
            return stack.enter_context(one)

        yield Laboratories(tuple(pool.map(opened, range(count))))
