"""Faults at protocol steps of real processes: the plan and the counts are files that all of them share.

The same steps as in a simulated world (`harness.probe.steps`). There one process counts; here the steps of
one task happen in the client, in workers and in their children: a count is a file under a lock.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import stat
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from harness.probe.body import Bodies
from harness.probe.config import ProbeConfig
from harness.probe.record import Recorder
from harness.probe.steps import Steps

VARIABLE = "CELERY_HARNESS_STEPS"
"""Set where the processes of a stage are to count steps."""
PLAN = "plan.json"


def write(folder: Path, points: Iterable[Mapping[str, Any]], known: Iterable[str]) -> None:
    """From now on this plan holds in all processes of a stage; steps before it are not counted."""
    path = folder / PLAN
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps({"points": list(points), "known": list(known)}), encoding="utf-8")
    partial.replace(path)


def steps_seen(folder: Path) -> dict[tuple[str, str], int]:
    """How many steps of each kind and task there were."""
    found = {}
    for path in (folder / "steps").glob("*"):
        kind, _, label = path.name.partition(" ")
        found[kind, label] = int(path.read_text(encoding="ascii") or 0)
    return found


class SharedSteps(Steps):
    """Steps that several processes count together."""

    def __init__(self, config: ProbeConfig, recorder: Recorder) -> None:
        super().__init__(recorder.write)
        self.path = Path(config.folder) / PLAN
        self.folder = Path(config.folder) / "steps"
        self.ports = {port for _, port in config.allowed}
        self.redis = config.broker_url.startswith("redis")
        self.role = lambda: recorder.role
        self.drop = self._drop
        self.kill_worker, self.kill_child = self._kill_worker, self._kill_child
        self.planned = False

    def around(self, kind: str, task_id: str | None, name: str | None, act: Callable[[], Any]) -> Any:
        """As in `Steps`, once there is a plan."""
        if not self.planned:
            try:
                document = json.loads(self.path.read_text(encoding="utf-8"))
            except FileNotFoundError:
                return act()
            self.folder.mkdir(exist_ok=True)
            self.follow(document["points"], document["known"])
            self.planned = True
        return super().around(kind, task_id, name, act)

    def count(self, kind: str, label: str) -> int:
        """The number of this step, counted from 0 over all processes."""
        path = self.folder / f"{kind} {label.replace('/', '_')}"
        path.touch()
        with path.open("r+", encoding="ascii") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            number = int(file.read() or 0)
            file.seek(0)
            file.write(str(number + 1))
        return number

    def _drop(self) -> None:
        """The servers close the connections of this process: what it has open to them is shut down."""
        for number in [int(path.name) for path in Path("/proc/self/fd").iterdir()]:
            with suppress(OSError):
                if not stat.S_ISSOCK(os.fstat(number).st_mode):
                    continue
                with socket.socket(fileno=os.dup(number)) as one:
                    if one.family == socket.AF_INET and one.getpeername()[1] in self.ports:
                        one.shutdown(socket.SHUT_RDWR)

    def _kill_worker(self) -> None:
        """The main process first, then this one where it is its child."""
        role = self.role()
        if role.startswith("child"):
            os.kill(os.getppid(), signal.SIGKILL)
        if role.startswith(("child", "worker")):
            os.kill(os.getpid(), signal.SIGKILL)

    def _kill_child(self) -> None:
        if self.role().startswith("child"):
            os.kill(os.getpid(), signal.SIGKILL)


class SteppedBodies(Bodies):
    """Bodies whose beginning and end are steps."""

    def __init__(self, orders: Path, recorder: Recorder, steps: Steps) -> None:
        super().__init__(orders, recorder)
        self.steps = steps

    def _run(self, task: Any, function: Any, args: Any, kwargs: Any) -> Any:
        request = task.request
        self.steps.around("body-begin", request.id, task.name, _nothing)
        answer = super()._run(task, function, args, kwargs)
        self.steps.around("body-end", request.id, task.name, _nothing)
        return answer


def _nothing() -> None:
    """The moment itself."""


def install(config: ProbeConfig, recorder: Recorder, cache_port: int | None) -> SteppedBodies:
    """Before anything else wraps the same calls; returns the bodies that count."""
    steps = SharedSteps(config, recorder)
    steps.install()
    steps.wrap_cache(cache_port)
    return SteppedBodies(config.orders, recorder, steps)
