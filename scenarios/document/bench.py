"""A running app and what an experiment on it needs: send, wait in the stage's time, ask, look."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from harness import discovery
from harness.contract import WorkerLayout
from harness.contract_file import load
from harness.fault import injected
from harness.history import TERMINAL, Event
from harness.launcher import python_path
from harness.stage import Stage, StageSettings

ROOT = Path(__file__).resolve().parents[2]
APPS = ROOT / "scenarios" / "apps" / "document"
DOCUMENTED = "documented"
INTENDED = "myhours"
MODULES = {DOCUMENTED: "wired", INTENDED: "intended"}
CONTRACTS = {DOCUMENTED: "contract.documented.toml", INTENDED: "contract.toml"}
ENDED = TERMINAL | {"publish-failed"}
LONG_S = 7200.0
FURTHER = "not on stage simulated: a further command is a process of its own; run with --stage processes"


@dataclass(frozen=True, slots=True)
class Seen:
    """What an experiment showed: whether the claim holds, and the sentence that says why."""

    holds: bool
    observed: str
    promised: str = ""
    """What a contract would say of it, where one does."""


@dataclass(slots=True)
class Bench:
    """One app on one broker; `world` is the processes stage itself, whose handles go further than `World`."""

    world: Any
    app: str
    broker: str

    @property
    def documented(self) -> bool:
        """Whether this is the app as documented."""
        return self.app == DOCUMENTED

    def send(self, task: str, *args: Any, body: dict[str, Any] | None = None, **options: Any) -> str:
        """Publish one task from the client; returns its id."""
        return str(self.world.send(task, args, {}, body=body, options=options))

    def all(self, kind: str, *ids: str) -> list[Event]:
        """Events of a kind, of these tasks where any is named, in order."""
        return [e for e in self.world.events() if e.kind == kind and (not ids or e.task_id in ids)]

    def since(self, place: int, kind: str, task: str) -> list[Event]:
        """Events of a kind and task that became known after `place` (``len(world.arrived())``)."""
        return [e for e in self.world.arrived()[place:] if e.kind == kind and e.task == task]

    def wait(self, condition: Callable[[], bool], *, within_s: float = LONG_S) -> bool:
        """Let the stage's time pass until something holds; False when the time ran out."""
        return bool(self.world.advance(condition, within_s=within_s))

    def passes(self, seconds: float) -> None:
        """Let that much of the stage's time pass."""
        self.world.advance(lambda: False, within_s=seconds)

    def ended(self, *ids: str, within_s: float = LONG_S) -> bool:
        """Wait until all of these tasks have ended."""
        left = set(ids)

        def all_ended() -> bool:
            left.difference_update({e.task_id for e in self.world.arrived() if e.kind in ENDED})
            return not left

        return self.wait(all_ended, within_s=within_s)

    def ask(self, question: str, **kwargs: Any) -> Any:
        """The answer to a question of `scenarios/apps/document/questions.py`, from inside the client."""
        function = f"questions:{question}"
        return self.world.client.ask("call", function=function, kwargs=kwargs)["value"]

    def strike(self, fault: str, **settings: Any) -> AbstractContextManager[None]:
        """A fault by its public name, healed when the context ends."""
        return injected(discovery.find("faults", fault)(**settings), self.world)

    @contextmanager
    def stopped(self, name: str) -> Iterator[None]:
        """A worker is away, and back when the context ends."""
        self.world.workers[name].kill()
        try:
            yield
        finally:
            self.revive()

    @contextmanager
    def celery(self, name: str, *words: str) -> Iterator[Any]:
        """A further Celery command of the app, a second worker or beat, for as long as the context."""
        if self.world.warp == "virtual":
            pytest.skip(FURTHER)
        command = [sys.executable, "-m", "harness.probe", "celery", "-A", self.world.settings.app, *words]
        process = self.world.launcher.popen(
            name, command, environment={"CELERY_HARNESS_ROLE": name, "PYTHONPATH": python_path()},
            passive=False, workdir=self.world.settings.workdir,
        )  # fmt: skip
        try:
            yield process
        finally:
            self.world.launcher.end(process.pid)

    def log(self, worker: str) -> list[str]:
        """What a worker printed."""
        return list(self.world.log_lines(f"worker-{worker}"))

    @contextmanager
    def only(self, *names: str) -> Iterator[None]:
        """All other workers are away: long waits are cheap when few processes wake up meanwhile."""
        for name, worker in self.world.workers.items():
            if name not in names:
                worker.kill()
        try:
            yield
        finally:
            self.revive()

    def revive(self) -> None:
        """Start every worker that has ended."""
        for worker in self.world.workers.values():
            worker.launch()
        for worker in self.world.workers.values():
            worker.ready()


@contextmanager
def bench(app: str, broker: str, *, seed: int = 0, stage: str = "processes") -> Iterator[Bench]:
    """A stage with one of the two apps, each with the workers of its own deployment guide.

    The app as documented gets one more worker, for the queue that its guide forgets (claim 7): what goes
    there could not be asked otherwise.
    """
    contract = load(ROOT / "myhours" / CONTRACTS[app])
    if app == DOCUMENTED:
        contract = replace(contract, workers=(*contract.workers, WorkerLayout("forgotten", ("celery",))))
    settings = StageSettings(f"{MODULES[app]}:app", contract, APPS, broker=broker, seed=seed)
    kind: type[Stage] = discovery.find("stages", stage)
    with kind.open(settings) as world:
        yield Bench(world, app, broker)
