"""Drives a stage through batches of experiments: sends, faults, and time passing until all is settled."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from harness.contract import Contract
from harness.experiments import arguments_of, batches, body_of
from harness.nemesis import Nemesis
from harness.progress import Progress
from harness.stage import World
from harness.workload import Experiment, Send

AFTERMATH_S = 600.0
"""How long tasks that the app sent itself (alerts, dead letters) may go on after an experiment."""

STEP_S = 120.0
"""The longest stretch of the stage's time without a look at interlock and experiments."""

Report = Callable[[str], None]


@dataclass(slots=True)
class Due:
    """One task to be sent: when, and what.

    Arguments are chosen when the experiment begins: a client that waits for its broker makes none up.
    """

    at_s: float
    send: Send
    arguments: tuple[list[Any], dict[str, Any]]


@dataclass(slots=True)
class Running:
    """One experiment under way."""

    experiment: Experiment
    began_s: float
    nemesis: Nemesis
    due: list[Due] = field(default_factory=list)
    over: bool = False
    latest_send_s: float = 0.0
    sent: set[str] = field(default_factory=set)

    def deadline_s(self) -> float:
        """When it ends whatever happens."""
        return max(self.began_s, self.latest_send_s) + self.experiment.settle_within_s


class Conductor:
    """Runs experiments on a world, batch after batch."""

    def __init__(self, world: World, contract: Contract, report: Report) -> None:
        self.world = world
        self.contract = contract
        self.report = report
        self.progress = Progress()
        self.lingering: list[Running] = []
        self._copies: dict[str, int] = {}
        self._alike: dict[str, str] = {}
        self._looked_at, self._next_s = -1, 0.0

    def run(self, experiments: Iterable[Experiment]) -> None:
        """All experiments to their end; what lingers is waited for last."""
        groups = batches(self.contract, experiments)
        with ExitStack() as stack:
            for number, group in enumerate(groups, start=1):
                if group[0].phase == "limits":
                    self._linger()
                names = sorted({experiment.name.partition("/")[0] for experiment in group})
                self.report(f"{number}/{len(groups)} {group[0].phase}: {', '.join(names)}")
                self._batch(group, stack)
            self._linger()
            self._aftermath()

    def _linger(self) -> None:
        """Wait for what lingers, before workers are kept busy for long."""
        if self.lingering:
            names = sorted({each.experiment.name.partition("/")[0] for each in self.lingering})
            self.report(f"waiting for {', '.join(names)}")
            self._wait(self.lingering)
            self.lingering = []

    def _batch(self, group: Sequence[Experiment], stack: ExitStack) -> None:
        running = [self._begin(experiment, stack) for experiment in group]
        self._wait([each for each in running if not each.experiment.lingering])
        self.lingering += [each for each in running if each.experiment.lingering and not each.over]
        self._strikes_over(running)
        self._aftermath()
        self.world.check_interlock()

    def _begin(self, experiment: Experiment, stack: ExitStack) -> Running:
        now_s = self.world.clock.now_s()
        self.world.record("experiment-began", experiment=experiment.name, tier=experiment.tier)
        running = Running(experiment, now_s, Nemesis(self.world, experiment, now_s))
        stack.callback(running.nemesis.close)
        for send in experiment.sends:
            for copy in range(send.count):
                arguments = self._arguments(experiment, send)
                running.due.append(Due(now_s + send.at_s + copy * send.every_s, send, arguments))
        running.due.sort(key=lambda due: due.at_s)
        return running

    def _wait(self, running: Sequence[Running]) -> None:
        """Until all of these are over; the lingering ones go on meanwhile."""
        while any(not each.over for each in running):
            everyone = [*running, *(each for each in self.lingering if each not in running)]
            self._act(everyone)
            if all(each.over for each in running):
                break
            self._looked_at = -1
            latest_s = max(each.deadline_s() for each in running if not each.over)
            self.world.advance(
                partial(self._something, everyone),
                within_s=max(0.0, min(STEP_S, latest_s - self.world.clock.now_s())),
                wake_at_s=partial(self._wake_at_s, everyone),
            )

    def _strikes_over(self, running: Sequence[Running]) -> None:
        """Faults of lingering experiments are healed before other experiments begin."""
        lingering = [each for each in running if not each.over]
        limit_s = self.world.clock.now_s() + 300
        while any(each.nemesis.pending() for each in lingering) and self.world.clock.now_s() < limit_s:
            self._act(lingering)
            self._looked_at = -1
            self.world.advance(
                lambda: self._something(lingering),
                within_s=STEP_S,
                wake_at_s=lambda: self._wake_at_s(lingering),
            )
        self._act(lingering)

    def _act(self, running: Iterable[Running]) -> None:
        """Send what is due, strike and heal what is due, end what is over."""
        self.world.revive()
        for each in running:
            if each.over:
                continue
            self._send_due(each)
            each.nemesis.act()
            self.progress.feed(self._arrived())
            now_s = self.world.clock.now_s()
            settled = self._settled(each, now_s)
            if settled or self._ran_away(each) or now_s >= each.deadline_s():
                each.over = True
                unstruck = each.nemesis.unstruck()
                each.nemesis.close()
                for task_id in self._waiting(each):
                    self.world.calm(task_id)
                waiting = sorted(self._waiting(each))
                self.world.record(
                    "experiment-ended", experiment=each.experiment.name, tier=each.experiment.tier,
                    settled=settled, waiting=waiting, unstruck=unstruck,
                )  # fmt: skip

    def _ran_away(self, each: Running) -> bool:
        return bool(self.progress.ran_away(each.experiment.name, each.experiment.runaway_after))

    def _settled(self, each: Running, now_s: float) -> bool:
        return (
            not each.due
            and not each.nemesis.pending()
            and now_s >= each.began_s + each.experiment.watch_s
            and not self._waiting(each)
        )

    def _waiting(self, each: Running) -> set[str]:
        """Its tasks that may still go on, those among them whose publish is under way."""
        return self.progress.waiting(each.experiment.name) | self.progress.unsent(each.sent)

    def _send_due(self, each: Running) -> None:
        for due in self._sendable(each):
            each.due.remove(due)
            each.latest_send_s = self.world.clock.now_s()
            each.sent.add(self._send(each.experiment, due))

    def _sendable(self, each: Running) -> list[Due]:
        """What is due now, but for tasks without arguments: deduplication would take them for one.

        Of these the next is sent when the one before has ended.
        """
        now_s = self.world.clock.now_s()
        found: list[Due] = []
        for due in each.due:
            if due.at_s > now_s:
                break
            alike = self._alike.get(due.send.task) if due.arguments == ([], {}) else None
            if due.send.identical or alike is None or alike in self.progress.ended:
                found.append(due)
                if due.arguments == ([], {}):
                    break
        return found

    def _send(self, experiment: Experiment, due: Due) -> str:
        send, sample = due.send, self.contract.samples.get(due.send.task)
        args, kwargs = due.arguments
        task_id = self.world.send(
            send.task,
            args,
            kwargs,
            body=body_of(send, sample),
            experiment=experiment.name,
            options=send.options,
        )
        if not args and not kwargs:
            self._alike[send.task] = task_id
        return task_id

    def _arguments(self, experiment: Experiment, send: Send) -> tuple[list[Any], dict[str, Any]]:
        """Identical sends of one experiment share their arguments; all others differ from each other."""
        number = self._next(send.task)
        if send.identical:
            number = self._copies.setdefault(f"{experiment.name}:{send.task}", number)
        args, kwargs = arguments_of(send, self.contract.samples.get(send.task), number)
        return (self.world.made_up(send.task, number), kwargs) if args is None else (args, kwargs)

    def _next(self, task: str) -> int:
        number = self._copies.get(task, 0)
        self._copies[task] = number + 1
        return number

    def _something(self, running: Sequence[Running]) -> bool:
        """Whether there is anything to do: asked whenever the stage is quiet."""
        arrived = self._arrived()
        now_s = self.world.clock.now_s()
        self.world.revive()
        if len(arrived) == self._looked_at and now_s < self._next_s:
            return False
        self.progress.feed(arrived)
        self._looked_at = len(arrived)
        self._next_s = self._wake_at_s(running) or now_s
        return any(
            not each.over
            and (
                bool(self._sendable(each))
                or each.nemesis.ready()
                or self._settled(each, now_s)
                or self._ran_away(each)
            )
            for each in running
        )

    def _wake_at_s(self, running: Iterable[Running]) -> float | None:
        moments: list[float] = []
        for each in running:
            if each.over:
                continue
            moments += [due.at_s for due in each.due[:1]]
            strike_s = each.nemesis.wake_at_s()
            moments += [strike_s] if strike_s is not None else []
            moments += [each.began_s + each.experiment.watch_s, each.deadline_s()]
        now_s = self.world.clock.now_s()
        return min((moment for moment in moments if moment > now_s), default=None)

    def _aftermath(self) -> None:
        """Until the tasks that the app sent itself have ended, and a little longer."""

        def quiet() -> bool:
            self.progress.feed(self._arrived())
            return not self.progress.waiting_others()

        self.world.advance(quiet, within_s=AFTERMATH_S)
        self.world.advance(lambda: False, within_s=2.0)

    def _arrived(self) -> Any:
        return self.world.arrived()
