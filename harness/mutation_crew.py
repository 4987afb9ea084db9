"""Processes that judge mutants side by side, each at a bench of its own; they end with who asks."""

from __future__ import annotations

import multiprocessing
import signal
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, Self

from harness.errors import HarnessError
from harness.mutation_bench import UNJUDGED, Base, Bench
from harness.stage import StageSettings

ANSWER_WITHIN_S = 240.0
"""Real seconds for one mutant; what takes longer has no end."""
STARTS = 3
"""How often a process is started that ends before it has answered anything."""


class Lost(Exception):
    """A process ended, or took too long, before it answered."""


@dataclass
class Crew:
    """As many processes as there are jobs; a context manager."""

    settings: StageSettings
    jobs: int
    base: Base | None = None
    hands: list[Hand] = field(default_factory=list)

    def __enter__(self) -> Self:
        self.hands = [Hand(self.settings) for _ in range(self.jobs)]
        return self

    def __exit__(self, *_: object) -> None:
        for hand in self.hands:
            hand.dismiss()

    def tell(self, base: Base) -> None:
        """What the app is without a mutation, for everybody, also for whoever is started later."""
        self.base = base
        for hand in self.hands:
            hand.base = base

    def ask(
        self,
        order: str,
        payloads: Iterable[Sequence[Any]],
        told: Callable[[int, Any], None] = lambda _place, _answer: None,
    ) -> list[Any]:
        """The answers to one order with each payload, in order; `Lost` stands where there was none."""
        waiting = list(enumerate(payloads))[::-1]
        answers: dict[int, Any] = {}
        while waiting or any(hand.busy for hand in self.hands):
            for hand in self.hands:
                if waiting and not hand.busy:
                    place, payload = waiting.pop()
                    hand.begin(place, order, payload)
            for hand in self._ready():
                place = hand.place
                answers[place] = hand.answer()
                told(place, answers[place])
        return [answers[place] for place in sorted(answers)]

    def _ready(self) -> list[Hand]:
        busy = [hand for hand in self.hands if hand.busy]
        until_s = min(hand.ends_s for hand in busy) - time.monotonic()
        came = wait([hand.pipe for hand in busy], timeout=max(0.0, until_s))
        late = [hand for hand in busy if hand.ends_s <= time.monotonic()]
        return [hand for hand in busy if hand.pipe in came or hand in late]


class Hand:
    """One process and the pipe to it."""

    def __init__(self, settings: StageSettings) -> None:
        self.settings = settings
        self.base: Base | None = None
        self.busy, self.place, self.ends_s = False, 0, 0.0
        self._start()

    def begin(self, place: int, order: str, payload: Sequence[Any]) -> None:
        """Ask for something; `answer` has what came of it."""
        self.busy, self.place = True, place
        self.ends_s = time.monotonic() + ANSWER_WITHIN_S
        for _ in range(STARTS):
            with suppress(OSError):
                self.pipe.send((self.base, order, tuple(payload)))
                return
            self._again()

    def answer(self) -> Any:
        """What came, or `Lost`; an error that a user can meet is raised."""
        self.busy = False
        try:
            if not self.pipe.poll():
                self._again()
                return Lost(f"it did not come to an end within {ANSWER_WITHIN_S:g} s")
            kind, found = self.pipe.recv()
        except (EOFError, OSError):
            self._again()
            return Lost("the process that judged it ended")
        if kind == "error":
            raise HarnessError(found)
        return found

    def dismiss(self) -> None:
        """End the process; what it has started ends with it."""
        self.pipe.close()
        self.process.join(timeout=10)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()

    def _again(self) -> None:
        self.process.kill()
        self.dismiss()
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(theirs, self.settings), daemon=True)
        self.process.start()
        theirs.close()


def serve(pipe: Connection, settings: StageSettings) -> None:
    """Answer orders until the pipe is closed; a bench that has failed is made anew."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever asks is told, and closes the pipe
    with suppress(EOFError, OSError):
        while True:
            _serve(pipe, settings)


def _serve(pipe: Connection, settings: StageSettings) -> None:
    first = pipe.recv()
    try:
        with Bench(settings) as bench:
            while True:
                base, order, payload = first
                if base is not None:
                    bench.know(base)
                answer = getattr(bench, order)(*payload)
                pipe.send(("answer", answer))
                if getattr(answer, "outcome", "") == UNJUDGED:
                    return
                first = pipe.recv()
    except HarnessError as error:
        pipe.send(("error", str(error)))
    except Exception as error:  # noqa: BLE001 - whoever asks says it in one line
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(place.filename).name}:{place.lineno}"
        pipe.send(("error", f"internal error at {where}: {type(error).__name__}: {error}."))
