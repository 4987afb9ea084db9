"""One schedule of tasks and faults, tried on a copy of a simulated world, and judged.

A world is opened once; each trial happens to a copy of it (`fork`), so that no trial knows of another. What
a schedule breaks it breaks again: the same schedule gives the same history, byte for byte.
"""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from harness import contract_file, discovery, run
from harness.conduct import Conductor
from harness.contract import Contract
from harness.errors import UsageError
from harness.history import History, event_line
from harness.members import is_real
from harness.probe.steps import Point
from harness.stage import Stage, StageSettings
from harness.verdict import Outcome, Verdict
from harness.workload import ALWAYS, Body, Experiment, Send

GENERAL = ("no_lost_task", "no_duplicate_effect", "dead_letter_only_failed", "dead_letter", "deduplication")
"""Guarantees that can be judged for whatever tasks and faults there were."""
SETTLE_S = 9_000.0
"""Longer than any ladder of retries and two visibility timeouts of an hour."""
TRIAL = "trial/all"
WARM_ROUNDS, WARM_LOSSES = 6, 2
"""Tasks that every copy begins after, and after how many of them each lost its connections."""


@dataclass(frozen=True, slots=True)
class Task:
    """One task of a schedule: which, when, and how its body behaves (fields of `workload.Body`)."""

    name: str
    at_s: float = 0.0
    raises: str | None = None
    failing_attempts: int = 0
    twin_of: int | None = None
    """Place of an earlier task whose arguments it has."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """Tasks, and faults at protocol steps: they name a task's place in the schedule, or a task's name."""

    tasks: tuple[Task, ...]
    points: tuple[Point, ...] = ()
    seed: int = 0

    def token(self) -> str:
        """A text from which `read` makes the schedule again."""
        text = json.dumps(asdict(self), separators=(",", ":"))
        return base64.urlsafe_b64encode(zlib.compress(text.encode(), 9)).decode().rstrip("=")

    @classmethod
    def read(cls, token: str) -> Schedule:
        """The schedule that a token stands for."""
        try:
            data = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
            found = json.loads(zlib.decompress(data))
            tasks = tuple(Task(**each) for each in found["tasks"])
            return cls(tasks, tuple(Point(**each) for each in found["points"]), int(found["seed"]))
        except (ValueError, TypeError, KeyError, zlib.error) as error:
            raise UsageError(
                f"This is no token of a schedule: {token!r:.60}.",
                remedy="Copy the whole token that search printed.",
            ) from error

    def lines(self) -> list[str]:
        """What it does, for people."""
        told = []
        for place, task in enumerate(self.tasks):
            fails = f", body fails {task.failing_attempts}x ({task.raises})" if task.raises else ""
            twin = f", same arguments as task {task.twin_of}" if task.twin_of is not None else ""
            told.append(f"task {place}: {task.name} at {task.at_s:g} s{fails}{twin}")
        for point in self.points:
            whose = f"task {point.task}" if point.task.isdigit() else point.task
            told.append(f"{point.action} {point.when} {point.kind} {point.nth} of {whose}")
        return told


@dataclass(frozen=True, slots=True)
class Trial:
    """What a schedule came to."""

    schedule: Schedule
    history: History
    verdicts: tuple[Verdict, ...]
    steps: tuple[tuple[str, str, int, str], ...]
    """Every protocol step: kind, task (place or name), number, role of the process."""

    @property
    def broken(self) -> tuple[Verdict, ...]:
        """What was not kept."""
        return tuple(each for each in self.verdicts if each.outcome is Outcome.BROKEN)

    def digest(self) -> str:
        """SHA-256 of the events: equal for equal runs."""
        lines = "\n".join(event_line(event) for event in self.history.events)
        return hashlib.sha256(lines.encode()).hexdigest()


@dataclass
class Laboratory:
    """A simulated world, open, on copies of which schedules are tried."""

    world: Any
    contract: Contract
    guarantees: tuple[str, ...]
    settings: StageSettings
    settle_within_s: float = SETTLE_S
    tried: int = field(default=0)

    def try_out(self, schedule: Schedule) -> Trial:
        """Run a schedule on a copy of the world and judge it."""
        self.tried += 1
        world = self.world
        with world.copied():
            ids = [world.next_id() for _ in schedule.tasks]
            places_by_time = sorted(range(len(ids)), key=lambda place: (schedule.tasks[place].at_s, place))
            world.ready_ids = [ids[place] for place in places_by_time]
            places = {str(place): task_id for place, task_id in enumerate(ids)}
            points = [
                asdict(replace(each, task=places.get(each.task, each.task))) for each in schedule.points
            ]
            self._plan(points, ids, schedule.seed)
            history, verdicts = self.conclude(self._experiment(schedule))
            names = {task_id: place for place, task_id in places.items()}
            steps = tuple(
                (kind, names.get(task, task), nth, role)
                for kind, task, nth, role in world.ask("steps")["steps"]
            )
        return Trial(schedule, history, verdicts, steps)

    @contextmanager
    def copy(self) -> Iterator[Any]:
        """A copy of the world, in which killed workers are started again; gone when the context ends."""
        with self.world.copied():
            self._plan((), (), 0)
            yield self.world

    def _plan(self, points: Sequence[Any], ids: Sequence[str], seed: int) -> None:
        self.world.ask("plan", points=points, known=ids, seed=seed, shuffled=seed > 0)
        self.world.supervised = True

    def conclude(self, experiment: Experiment) -> tuple[History, tuple[Verdict, ...]]:
        """Conduct what is left to do, wait until all has settled, and judge; inside `copy`."""
        Conductor(self.world, self.contract, _silent).run([experiment])
        self._drain()
        history = run.record_of(self.world, self.contract, self._request())
        return history, tuple(run.judge(self.contract, history, only=self.guarantees))

    def _drain(self) -> None:
        """Until the broker holds nothing that a worker is still to get: what was lost comes back late."""
        world = self.world
        ends_s = world.clock.now_s() + self.settle_within_s
        queues = [str(name) for name in world.snapshot.get("queues") or ()]
        while world.clock.now_s() < ends_s:
            state = world.broker.read(queues)
            consumed = [
                name
                for name in queues
                if any(not w.queues or name in w.queues for w in world.workers.values())
            ]
            if not state.unacked and not any(state.queues[name].depth for name in consumed):
                return
            seen = len(world.arrived())
            world.advance(lambda: len(world.arrived()) > seen, within_s=self.settle_within_s)  # noqa: B023 - used at once
            world.advance(lambda: False, within_s=2.0)

    def _experiment(self, schedule: Schedule) -> Experiment:
        sends = []
        for place, task in enumerate(schedule.tasks):
            body = Body(
                stub=not is_real(self.contract, task.name), raises=task.raises,
                failing_attempts=task.failing_attempts if task.raises else ALWAYS,
            )  # fmt: skip
            # Tasks of one name have equal arguments where `identical`; `vary` makes the others differ.
            twins = task.twin_of is not None or any(other.twin_of == place for other in schedule.tasks)
            sends.append(Send(task.name, body, at_s=task.at_s + place * 1e-6, identical=twins))
        return self.experiment(*sends)

    def experiment(self, *sends: Send) -> Experiment:
        """The one experiment of a trial."""
        return Experiment(TRIAL, "all", sends, settle_within_s=self.settle_within_s, runaway_after=60)

    def _request(self) -> run.Request:
        settings = self.settings
        return run.Request(
            app=settings.app, contract=self.contract, workdir=settings.workdir, stage="simulated",
            broker=settings.broker, seed=settings.seed,
        )  # fmt: skip


@contextmanager
def laboratory(
    app: str,
    contract: Contract,
    workdir: Path,
    *,
    broker: str = "redis",
    seed: int = 0,
    guarantees: Sequence[str] = (),
) -> Iterator[Laboratory]:
    """Open a simulated world for trials; `UsageError` where nothing that can be judged is promised."""
    kind: type[Stage] = discovery.find("stages", "simulated")
    quiet = replace(
        contract, tiers=tuple(replace(tier, events=False, structured_logs=False) for tier in contract.tiers)
    )
    settings = StageSettings(app=app, contract=quiet, workdir=workdir, broker=broker, seed=seed)
    wanted = tuple(guarantees) or GENERAL
    with kind.open(settings) as world:
        _warm(world)
        resolved = contract_file.resolve(quiet, world.tasks)
        promised = [
            name
            for name in wanted
            if any(discovery.find("checkers", name)().promise(tier) is not None for tier in resolved.tiers)
        ]
        if not promised:
            raise UsageError(
                f"The contract promises none of {', '.join(wanted)}.",
                remedy="Name a guarantee that it promises.",
            )
        yield Laboratory(world, resolved, tuple(promised), settings)


def _warm(world: Any) -> None:
    """Tasks with stand-in bodies and lost connections, so that no copy has to load and cache what all need.

    Functions that have run often enough are specialised by CPython (PEP 659): a copy that did that itself
    would copy the pages that they lie on as well. A task that nobody consumes is waited for in vain.
    """
    world.ask("warm")
    for number in range(WARM_ROUNDS):
        _warm_task(world, world.tasks[number % len(world.tasks)])
        for server in (world.broker, world.results) if number < WARM_LOSSES else ():
            server.drop_connections()
        world.advance(lambda: False, within_s=10.0)
    world.result_exists("warm")
    world.log.arrived[:] = [event for event in world.log.arrived if event.task_id is None]


def _warm_task(world: Any, task: str) -> None:
    """One task, until it is acknowledged or a minute has passed."""
    body = {"stub": True, "returns_bytes": 1}
    task_id = world.send(task, world.made_up(task, 0), {}, body=body, experiment="warm/all")
    world.advance(
        lambda: any(e.kind == "message-acked" and e.task_id == task_id for e in world.arrived()),
        within_s=60.0,
    )


def names_of(contract: Contract) -> tuple[str, ...]:
    """Tasks of the contract's tiers whose own code can run, or all of them where none can."""
    members = dict.fromkeys(task for tier in contract.tiers for task in tier.members)
    real = [task for task in members if getattr(contract.samples.get(task), "body", "") == "real"]
    return tuple(real or members)


def _silent(text: str) -> None:
    """A trial says nothing."""
