"""Replays a schedule of a simulated world on real workers: what broke there may be broken here as well.

The same tasks, with the same bodies, and each fault at the same protocol step (`harness.probe.plan`). What is
broken on real workers too is confirmed; what is not is a bug of the simulation, or a difference that
`docs/conformance.md` names. Where a fault never came to its step, or the clock was bent, nothing is known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any
from uuid import uuid4

from harness import contract_file, discovery, run
from harness.conduct import Conductor
from harness.contract import Contract
from harness.history import History
from harness.probe import plan
from harness.probe.steps import CLOCK_STEPS, Point
from harness.stage import Stage, StageSettings
from harness.trials import Laboratory, Schedule, Trial
from harness.verdict import Outcome, Verdict

SETTLE_ON_RABBITMQ_S = 2_400.0
"""RabbitMQ gives back at once what a lost connection held; only ladders of retries take time there."""
TRIES = 3
"""How often a schedule whose outcome depends on who is first is tried on real workers."""


class Answer(Enum):
    """What real workers say to a counterexample."""

    CONFIRMED = "confirmed"
    REFUTED = "refuted"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Replayed:
    """One counterexample on real workers: the answer, why, and the record behind it."""

    answer: Answer
    why: str
    trial: Trial


class Workers(Laboratory):
    """Real workers, on which schedules are tried one after the other."""

    def try_out(self, schedule: Schedule) -> Trial:
        """Run a schedule, its faults at the steps that it names, and judge it."""
        self.tried += 1
        world = self.world
        ids = [str(uuid4()) for _ in schedule.tasks]
        places = {str(place): task_id for place, task_id in enumerate(ids)}
        by_time = sorted(range(len(ids)), key=lambda place: (schedule.tasks[place].at_s, place))
        world.ready_ids = [ids[place] for place in by_time]
        points = [asdict(replace(each, task=places.get(each.task, each.task))) for each in schedule.points]
        plan.write(world.folder, points, ids)
        Conductor(world, self.contract, lambda _text: None).run([self._experiment(schedule)])
        self._drain()
        history = run.record_of(world, self.contract, self._request())
        verdicts = run.judge(self.contract, history, only=self.guarantees)
        return Trial(schedule, history, tuple(verdicts), ())

    def _drain(self) -> None:
        """As in a simulated world; workers that a plan has killed are started again meanwhile."""
        world = self.world
        ends_s = world.clock.now_s() + self.settle_within_s
        queues = [str(name) for name in world.snapshot.get("queues") or ()]
        while world.clock.now_s() < ends_s:
            world.revive()
            state = world.broker.read(queues)
            waiting = any(state.queues[name].depth for name in self._consumed(queues))
            if not state.unacked and not waiting and not self._held():
                return
            world.advance(world.revive, within_s=30.0)

    def _held(self) -> bool:
        """Whether a living worker holds a message until its time comes: RabbitMQ does not say which."""
        living = {f"worker:{name}:{worker.pid}" for name, worker in self.world.workers.items()}
        held: dict[tuple[str, object], str | None] = {}
        for event in self.world.arrived():
            place = (event.source, event.get("delivery_tag"))
            if event.kind == "message-delivered":
                if event.get("redelivered"):  # it is held nowhere else any more
                    held = {key: task_id for key, task_id in held.items() if task_id != event.task_id}
                held[place] = event.task_id
            elif event.kind in ("message-acked", "message-rejected"):
                held.pop(place, None)
        return any(source in living for source, _ in held)

    def _consumed(self, queues: Sequence[str]) -> list[str]:
        workers = self.world.workers.values()
        return [name for name in queues if any(not w.queues or name in w.queues for w in workers)]


@contextmanager
def workers(
    app: str, contract: Contract, workdir: Path, *, broker: str, seed: int, guarantees: Sequence[str]
) -> Iterator[Workers]:
    """Open the processes stage for one schedule."""
    kind: type[Stage] = discovery.find("stages", "processes")
    quiet = replace(
        contract, tiers=tuple(replace(tier, events=False, structured_logs=False) for tier in contract.tiers)
    )
    settings = StageSettings(
        app=app, contract=quiet, workdir=workdir, broker=broker, seed=seed, environment={plan.VARIABLE: "1"}
    )
    with kind.open(settings) as world:
        resolved = contract_file.resolve(quiet, world.tasks)
        found = Workers(world, resolved, tuple(guarantees), settings)
        if broker == "rabbitmq":
            found.settle_within_s = SETTLE_ON_RABBITMQ_S
        yield found


def cannot_strike(schedule: Schedule) -> str:
    """Why real workers cannot be struck as this schedule wants it; nothing where they can."""
    steps = [point for point in schedule.points if point.action in CLOCK_STEPS]
    return f"real workers share a clock that no task can step: {steps[0].action}" if steps else ""


def replay(
    schedule: Schedule,
    broken: Sequence[Verdict],
    opened: Callable[[], Any],
    *,
    report: Callable[[str], None] = lambda _text: None,
) -> Replayed:
    """Try a schedule that broke something in the simulation on real workers; `opened` opens them.

    Each try has workers of its own. A schedule with its order shuffled is tried up to `TRIES` times.
    """
    tries = TRIES if schedule.seed else 1
    for number in range(tries):
        report(f"real workers, try {number + 1} of {tries}")
        with opened() as laboratory:
            trial = laboratory.try_out(schedule)
        found = answer(schedule, broken, trial)
        if found.answer is Answer.CONFIRMED:
            break
    return found


def answer(schedule: Schedule, broken: Sequence[Verdict], trial: Trial) -> Replayed:
    """Compare what the simulation broke with what real workers showed."""
    wanted = {verdict.guarantee for verdict in broken}
    same = [verdict for verdict in trial.broken if verdict.guarantee in wanted]
    if same:
        said = "; ".join(f"{verdict.guarantee} [{verdict.tier}]: {verdict.observed}" for verdict in same)
        return Replayed(Answer.CONFIRMED, said, trial)
    missing = [point for point in schedule.points if not struck(trial.history, schedule, point)]
    if missing:
        told = "; ".join(f"{p.action} {p.when} {p.kind} {p.nth} of {p.task}" for p in missing)
        return Replayed(Answer.UNKNOWN, f"never came to its step: {told}", trial)
    if any(trial.history.of("clock-bent")):
        return Replayed(Answer.UNKNOWN, "the machine starved and the clock was bent", trial)
    places = {(verdict.guarantee, verdict.tier) for verdict in broken}  # no schedule has tasks of every tier
    open_ = [v for v in trial.verdicts if (v.guarantee, v.tier) in places and v.outcome is Outcome.UNKNOWN]
    if open_:
        return Replayed(Answer.UNKNOWN, "; ".join(f"{v.guarantee}: {v.observed}" for v in open_), trial)
    return Replayed(
        Answer.REFUTED, f"{', '.join(sorted(wanted))} kept: a bug of the simulation, or a difference", trial
    )


def struck(history: History, schedule: Schedule, point: Point) -> bool:
    """Whether a fault came to its step."""
    ids = {str(place): task_id for place, task_id in enumerate(_ids(history, schedule))}
    at = f"{point.when} {point.kind} {point.nth} of {ids.get(point.task, point.task)}"
    return any(
        event.get("fault") == point.action and (event.get("settings") or {}).get("at") == at
        for event in history.of("fault-injected")
    )


def _ids(history: History, schedule: Schedule) -> list[str]:
    """The ids of the schedule's tasks, by their places in it."""
    sent = [event.task_id or "" for event in history.workload("trial/all")]
    by_time = sorted(range(len(schedule.tasks)), key=lambda place: (schedule.tasks[place].at_s, place))
    found = dict(zip(by_time, sent, strict=False))
    return [found.get(place, "") for place in range(len(schedule.tasks))]
