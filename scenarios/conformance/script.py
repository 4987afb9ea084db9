"""What a behaviour is written with: send, ask, wait, strike, and note facts; on any stage."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from harness import discovery
from harness.contract import Contract
from harness.contract_file import loads
from harness.history import TERMINAL, Event
from harness.stage import Stage, StageSettings, World

APP = "conform:app"
FOLDER = Path(__file__).resolve().parents[1] / "apps" / "conformance"
CONTRACT = """
[tiers.all]
tasks = ["conform.*"]
queue = "celery"

[workers.main]
queues = ["celery"]
concurrency = 2

[workers.lane]
queues = ["lane", "left", "right"]
concurrency = 1
"""
ENDED = TERMINAL | {"publish-failed"}
LONG_S = 300.0


@dataclass(frozen=True, slots=True)
class Fact:
    """What a behaviour showed, by a name of its own; numbers may differ by `within`."""

    name: str
    value: Any
    within: float = 0.0

    def like(self, other: Fact) -> bool:
        """Whether two stages showed the same."""
        if self.within and isinstance(self.value, int | float) and isinstance(other.value, int | float):
            return abs(self.value - other.value) <= self.within
        return bool(self.value == other.value)


@dataclass
class Script:
    """One behaviour under way on one stage."""

    world: Any
    broker: str
    facts: list[Fact] = field(default_factory=list)

    def send(self, task: str, *args: Any, **options: Any) -> str:
        """Publish one task from the client; returns its id."""
        return str(self.world.send(f"conform.{task}", list(args), {}, options=options))

    def ask(self, question: str, **kwargs: Any) -> Any:
        """The answer of a function of `scenarios/apps/conformance/asked.py`, from inside the client."""
        return self.world.client.ask("call", function=f"asked:{question}", kwargs=kwargs)["value"]

    def all(self, kind: str, task_id: str | None = None, task: str = "") -> list[Event]:
        """Events of a kind, in the order in which they became known."""
        return [
            event
            for event in self.world.arrived()[self.began :]
            if event.kind == kind
            and task_id in (None, event.task_id)
            and (not task or event.task == f"conform.{task}")
        ]

    began: int = 0
    """How many events there were before this behaviour."""

    def wait(self, condition: Callable[[], Any], *, within_s: float = LONG_S) -> bool:
        """Let the stage's time pass until something holds; False when the time ran out."""
        return bool(self.world.advance(lambda: bool(condition()), within_s=within_s))

    def seen(self, kind: str, task_id: str | None = None, *, task: str = "", nth: int = 1) -> bool:
        """Wait until there are so many events of a kind."""
        return self.wait(lambda: len(self.all(kind, task_id, task)) >= nth)

    def passes(self, seconds: float) -> None:
        """Let that much of the stage's time pass."""
        self.world.advance(lambda: False, within_s=seconds)

    def ended(self, *ids: str) -> bool:
        """Wait until all of these tasks have ended."""
        return self.wait(
            lambda: set(ids) <= {e.task_id for e in self.world.arrived()[self.began :] if e.kind in ENDED}
        )

    def succeeded(self, task: str, times: int = 1) -> bool:
        """Wait until so many tasks of a name have ended well."""
        return self.seen("task-succeeded", task=task, nth=times)

    def fact(self, name: str, value: Any, *, within: float = 0.0) -> None:
        """Note what was shown."""
        self.facts.append(Fact(name, value, within))

    def outcome(self, task_id: str, name: str = "result") -> None:
        """Note state and result of a task as its client sees them."""
        self.fact(name, self.ask("state_of", task_id=task_id))

    def gaps(self, kind: str, *ids: str, task: str = "", within: float = 2.0) -> None:
        """Note the seconds between events of a kind."""
        found = [e.at_s for e in self.all(kind, task=task) if not ids or e.task_id in ids]
        for place, (sooner, later) in enumerate(pairwise(found), start=1):
            self.fact(
                f"seconds between {kind} {place} and {place + 1}", round(later - sooner, 1), within=within
            )

    def order(self, name: str, ids: dict[str, str], kind: str = "task-started") -> None:
        """Note in which order tasks did something; `ids` are their names by id."""
        self.fact(name, [ids[e.task_id] for e in self.all(kind) if e.task_id in ids])

    def first_of(self, task_id: str, *kinds: str) -> None:
        """Note which of these happened first."""
        found = [e.kind for e in self.world.events() if e.task_id == task_id and e.kind in kinds]
        self.fact(f"first of {', '.join(kinds)}", found[0] if found else None)

    def minute_begins(self) -> None:
        """Wait until the wall clock shows five seconds past a minute."""
        self.passes((65.0 - self.ask("seconds_of_the_minute")) % 60)

    def depth(self, queue: str) -> None:
        """Note how many messages wait in a queue."""
        self.fact(f"messages in {queue}", self.world.broker.read([queue]).queues[queue].depth)

    def kill(self, worker: str) -> None:
        """SIGKILL a worker and its children."""
        self.world.workers[worker].kill()

    def start(self, worker: str) -> None:
        """Start it again and wait until it consumes."""
        self.world.workers[worker].launch()
        self.world.workers[worker].ready()

    @contextmanager
    def away(self, worker: str) -> Iterator[None]:
        """A worker is killed, and back at the end."""
        self.kill(worker)
        try:
            yield
        finally:
            self.start(worker)

    def busy(self, worker: str, seconds: float = 10.0) -> str:
        """The lane's only child is kept busy; returns the id of the task that does it."""
        queue = self.world.workers[worker].queues[0]
        task_id = self.send("nap", seconds, queue=queue)
        self.seen("body-entered", task_id)
        return task_id

    @property
    def redis(self) -> bool:
        """Whether the broker is Redis."""
        return self.broker == "redis"


def contract() -> Contract:
    """The workers of the app."""
    return loads(CONTRACT)


@contextmanager
def opened(stage: str, broker: str, **environment: str) -> Iterator[World]:
    """A stage with the app."""
    settings = StageSettings(APP, contract(), FOLDER, broker=broker, seed=1, environment=environment)
    kind: type[Stage] = discovery.find("stages", stage)
    with kind.open(settings) as world:
        yield world
