"""Hypothesis' stateful tests on copies of a simulated world: rules act, and guarantees are judged.

Each example begins with the same world and gives the same history for the same rules, so that what Hypothesis
finds it can shrink (https://hypothesis.readthedocs.io/en/latest/stateful.html).
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from harness.experiments import arguments_of, body_of
from harness.history import Event
from harness.members import is_real
from harness.trials import TRIAL, Laboratory, names_of
from harness.workload import ALWAYS, Body, Send

FAILURES = (None, "filesystem", "mail", "database")
LOSSES = ("worker", "child", "broker connections", "result connections")
PAUSES_S = (0.1, 1.0, 60.0, 600.0)


class WorldMachine(RuleBasedStateMachine):
    """Sends tasks, lets time pass, loses workers, children and connections; a subclass adds rules of its own.

    `world` has the handles of every stage (`harness.stage.World`). At the end of each example all that was
    sent is waited for, and the guarantees of the laboratory are judged. `judges` is False where only the
    invariants of a subclass are to hold.
    """

    judges = True
    most_sends = 5

    def __init__(self, laboratory: Laboratory) -> None:
        super().__init__()
        self.laboratory = laboratory
        self.sent: list[str] = []
        """The ids of the tasks that were sent, in order."""
        self._copy = laboratory.copy()
        self.world: Any = self._copy.__enter__()

    @precondition(lambda self: len(self.sent) < self.most_sends)
    @rule(place=st.integers(0, 2**16), raises=st.sampled_from(FAILURES), failing_attempts=st.integers(1, 8))
    def send(self, place: int, raises: str | None, failing_attempts: int) -> None:
        """Send one of the contract's tasks, with its sample arguments; its body may fail at first."""
        names = names_of(self.laboratory.contract)
        self.send_task(names[place % len(names)], raises=raises, failing_attempts=failing_attempts)

    @rule(seconds=st.sampled_from(PAUSES_S))
    def time_passes(self, seconds: float) -> None:
        """Nothing is done for so long."""
        self.world.advance(lambda: False, within_s=seconds)

    @rule(what=st.sampled_from(LOSSES), place=st.integers(0, 7))
    def lose(self, what: str, place: int) -> None:
        """A worker is killed and back after five seconds, or a child, or all connections to a server."""
        worker = list(self.world.workers.values())[place % len(self.world.workers)]
        if what == "worker":
            worker.kill()
        elif what == "child":
            worker.kill_child(place)
        else:
            server = self.world.broker if what == "broker connections" else self.world.results
            server.drop_connections()

    def send_task(
        self, name: str, *, raises: str | None = None, failing_attempts: int = ALWAYS, **body: Any
    ) -> str:
        """For rules of one's own: send a task, with fields of `harness.workload.Body`; its id."""
        contract = self.laboratory.contract
        told = Body(
            stub=not is_real(contract, name), raises=raises, failing_attempts=failing_attempts, **body
        )
        send, sample = Send(name, told), contract.samples.get(name)
        args, kwargs = arguments_of(send, sample, len(self.sent))
        if args is None:
            args = self.world.made_up(name, len(self.sent))
        self.sent.append(
            self.world.send(name, args, kwargs, body=body_of(send, sample), experiment=TRIAL, options={})
        )
        return self.sent[-1]

    def events(self, *kinds: str) -> list[Event]:
        """For invariants: what has happened so far, in order."""
        return [event for event in self.world.events() if not kinds or event.kind in kinds]

    def teardown(self) -> None:
        """Judge, unless something failed already; the copy of the world is gone in any case."""
        try:
            if sys.exc_info()[0] is None and self.judges and self.sent:
                self._judge()
        finally:
            self._copy.__exit__(None, None, None)

    def _judge(self) -> None:
        _, verdicts = self.laboratory.conclude(self.laboratory.experiment())
        broken = [each for each in verdicts if each.outcome.value == "broken"]
        assert not broken, "\n".join(
            f"broken {each.guarantee} [{each.tier}]: {each.observed}\n  {each.blame}" for each in broken
        )


def check(
    machine: Callable[[Laboratory], WorldMachine],
    laboratory: Laboratory,
    *,
    examples: int = 50,
    steps: int = 8,
    seeded: int = 0,
) -> None:
    """Run a machine on copies of a world; raises what the smallest example raises, with its rules."""
    told = settings(
        max_examples=examples, stateful_step_count=steps, deadline=None, database=None, print_blob=False,
        suppress_health_check=list(HealthCheck), report_multiple_bugs=False,
        phases=[Phase.generate, Phase.shrink],
    )  # fmt: skip
    begin: Any = seed(seeded)(partial(machine, laboratory))
    run_state_machine_as_test(begin, settings=told)
