"""The probe of a simulating process: the same recorder, observer, bodies and interlock as on every stage.

What differs is where events go (a list), whose they are (the simulated process that runs), and where
orders come from (a mapping).
"""

from __future__ import annotations

import functools
import json
import re
import signal
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from harness.probe.body import Bodies
from harness.probe.boot import Probe
from harness.probe.config import ProbeConfig
from harness.probe.effects import Effects
from harness.probe.guard import Guard
from harness.probe.interlock import Interlock
from harness.probe.ledger import Ledger
from harness.probe.observe import Observer
from harness.probe.record import Recorder, bounded
from harness.probe.steps import Steps
from harness.simulation.clock import CLOCK
from harness.simulation.descriptors import WORLD
from harness.simulation.encoding import encoder

ADDRESS = re.compile(r"\b0x[0-9a-f]{6,16}\b")
"""Addresses in texts differ from one process to the next, and say nothing."""
encode = encoder(json.JSONEncoder(default=bounded))


class MemoryRecorder(Recorder):
    """Keeps events as lines of JSON, in the order in which they happen."""

    def __init__(self, folder: str) -> None:
        self.lines: list[str] = []
        self.folder = folder
        """Has another name in each run; the record has ``{stage}`` instead."""

    @property
    def role(self) -> str:  # type: ignore[override]
        """The role of the process that runs."""
        return WORLD.kernel.current.role

    @property
    def source(self) -> str:
        """Role and process id of the process that runs."""
        process = WORLD.kernel.current
        return f"{process.role}:{process.pid}"

    def become(self, role: str) -> None:
        """Children are processes of their own from their beginning."""

    def write(self, kind: str, task_id: str | None = None, task: str | None = None, **data: Any) -> None:
        """Record one event, now."""
        if WORLD.kernel.closing:
            return
        event: dict[str, Any] = {"mono_ns": CLOCK.ns, "kind": kind, "source": self.source}
        if task_id is not None:
            event["task_id"] = str(task_id)
        if task is not None:
            event["task"] = str(task)
        if data:
            event["data"] = data
        line = encode(event)
        if self.folder in line:
            line = line.replace(self.folder, "{stage}")
        self.lines.append(ADDRESS.sub("0x", line) if "0x" in line else line)

    def take(self) -> list[str]:
        """What is new since the last call."""
        lines, self.lines = self.lines, []
        return lines


def drop_connections() -> None:
    """The server closes the connections of the process that runs."""
    for socket in list(WORLD.kernel.current.sockets):
        if hasattr(socket, "lose"):
            socket.lose()


class MemoryBodies(Bodies):
    """Orders for bodies, kept in the process."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.by_id: dict[str, Mapping[str, Any]] = {}
        self.by_glob: dict[int, tuple[str, Mapping[str, Any]]] = {}

    steps: Steps | None = None

    def _run(self, task: Any, function: Any, args: Any, kwargs: Any) -> Any:
        """A body, whose beginning and end are steps."""
        act = functools.partial(super()._run, task, function, args, kwargs)
        if self.steps is None:
            return act()
        request = task.request
        self.steps.around("body-begin", request.id, task.name, _nothing)
        answer = act()
        self.steps.around("body-end", request.id, task.name, _nothing)
        return answer

    def order_for(self, task_id: str | None, name: str) -> Mapping[str, Any]:
        """What the harness ordered for this task id, else for a glob that matches the name."""
        found = self.by_id.get(task_id or "")
        if found is not None:
            return found
        for glob, body in self.by_glob.values():
            if fnmatchcase(name, glob):
                return body
        return {}


def _nothing() -> None:
    """The moment itself."""


class MemoryProbe(Probe):
    """What is put into the simulating process, once for all simulated ones."""

    def __init__(self, config: ProbeConfig) -> None:
        self.config = config
        self.lines = MemoryRecorder(config.folder)
        self.recorder = self.lines
        self.orders = MemoryBodies(self.recorder)
        self.bodies = self.orders
        self.observer = Observer(self.recorder, self.bodies)
        self.effects = Effects(self.recorder, config.cache_url)
        self.steps = Steps(self.recorder.write)
        self.steps.role = lambda: WORLD.kernel.current.role
        self.steps.drop = drop_connections
        self.steps.kill_worker = self._kill_worker
        self.steps.kill_child = self._kill_child
        self.verified = False

    def install(self) -> None:
        """Before anything of the app is imported."""
        self.orders.steps = self.steps
        self.steps.install()
        self.steps.wrap_cache(self.effects.cache_port)
        interlock = Interlock(self.config, lambda text: self.recorder.write("interlock-note", text=text))
        Guard(self.config.allowed, self._refused, self.config.folder).install()
        interlock.install()
        self.observer.install()
        self.effects.install_locks()
        Ledger(self.recorder, self.config.folder).install()

    def _kill_worker(self) -> None:
        """The worker whose main process or child runs is killed, with all of its children."""
        process = WORLD.kernel.current
        main = process.parent or process
        if main.role.startswith("worker"):
            self.recorder.write("worker-lost", worker=main.name, pid=main.pid, signal=int(signal.SIGKILL))
            WORLD.kernel.end(main, -signal.SIGKILL)

    def _kill_child(self) -> None:
        """The child that runs is killed."""
        process = WORLD.kernel.current
        if process.role.startswith("child"):
            worker = process.role.partition(":")[2]
            self.recorder.write("child-lost", worker=worker, pid=process.pid, signal=int(signal.SIGKILL))
            WORLD.kernel.end(process, -signal.SIGKILL)

    def exchange_held(self, wanted: set[str] | None) -> set[str]:
        """The locks that the running process holds are put away, another's come in their place."""
        held = self.effects._held
        self.effects._held = set() if wanted is None else wanted
        return held
