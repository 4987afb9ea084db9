"""A `celery worker` of the processes stage: stock code, started as production starts it."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Container
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from harness.contract import WorkerLayout
from harness.errors import StageError
from harness.launcher import python_path

if TYPE_CHECKING:
    from harness.stages._world import ProcessWorld

READY_WITHIN_S = 180.0
MOST_DEATHS = 20
"""So often a worker may end by itself; a task that kills a worker without children does it a few times."""
QUIET_OPTIONS = ("--without-gossip", "--without-mingle", "--without-heartbeat")
"""Chatter between workers that no guarantee depends on, and that would wake every worker each second."""

UNDER_SHELL = ("/bin/sh", "-c", 'trap : TERM; "$@"; exit $?', "sh")
"""A shell that stays and passes nothing on. As a container's first process it would not need the trap: the
kernel gives that one no signal that it has not asked for (``pid_namespaces(7)``)."""


class ProcessWorker:
    """One running worker; `start` after `kill` or `stop` starts it again under the same node name."""

    def __init__(self, world: ProcessWorld, layout: WorkerLayout, name: str) -> None:
        self.world = world
        self.layout = layout
        self.name = name
        self.pid = 0
        self._deaths = 0
        self._told_to_stop = False

    @property
    def queues(self) -> tuple[str, ...]:
        """The queues it was told to consume; empty: those of the app's settings."""
        return self.layout.queues

    def command(self) -> list[str]:
        """The command line, Celery's own after the probe."""
        app = self.world.settings.app
        command = [sys.executable, "-m", "harness.probe", "celery", "-A", app, "worker", "-l", "INFO"]
        command += ["-n", f"{self.name}@harness", "-c", str(self.layout.concurrency), "-P", self.layout.pool]
        if self.layout.queues:
            command += ["-Q", ",".join(self.layout.queues)]
        return [*(UNDER_SHELL if self.layout.shell else ()), *command, *QUIET_OPTIONS, *self.layout.options]

    @property
    def main(self) -> int:
        """Celery's own main process: `pid`, or what the shell there runs; 0 while there is none."""
        return next(iter(_children(self.pid)), 0) if self.layout.shell else self.pid

    def launch(self) -> None:
        """Start the process and return at once."""
        if not self.ended():
            return
        if self.pid:
            self.world.launcher.end(self.pid)
        self._told_to_stop = False
        process = self.world.launcher.popen(
            f"worker-{self.name}",
            self.command(),
            environment={"CELERY_HARNESS_ROLE": f"worker:{self.name}", "PYTHONPATH": python_path()},
            passive=False,
            workdir=self.world.settings.workdir,
        )
        self.pid = process.pid

    def ready(self) -> None:
        """Wait until this process has said that it consumes, or say why it does not."""
        if not self.world.advance(self._is_ready, within_s=READY_WITHIN_S):
            raise StageError(
                f"Worker {self.name} was not ready within {READY_WITHIN_S:g} s.", remedy=self._log()
            )
        if self.world.launcher.ended(self.pid):
            pid, self.pid = self.pid, 0
            self.world.launcher.end(pid)
            self.world.check_interlock()
            raise StageError(f"Worker {self.name} ended while it started.", remedy=self._log())

    def start(self) -> None:
        """Start (again); returns when it consumes."""
        self.launch()
        self.ready()

    def ended(self) -> bool:
        """Whether its main process has ended."""
        return not self.pid or self.world.launcher.ended(self.pid)

    def has_died(self) -> bool:
        """Whether it has ended, and nobody here has ended it or told it to stop."""
        return bool(self.pid) and not self._told_to_stop and self.ended()

    def revive(self) -> None:
        """Put its death on record and start it again, without waiting for it to be ready."""
        pid, self.pid = self.pid, 0
        self._deaths += 1
        status = self.world.launcher.exit_status(pid)
        self.world.launcher.end(pid)
        self.world.record("worker-lost", worker=self.name, pid=pid, exit_status=status)
        if self._deaths > MOST_DEATHS:
            raise StageError(f"Worker {self.name} ended by itself {self._deaths} times.", remedy=self._log())
        self.launch()

    def children(self) -> tuple[int, ...]:
        """The pool's processes, oldest first."""
        return _children(self.main)

    def processes(self) -> tuple[int, ...]:
        """All of it: the shell where there is one, the main process, the pool's processes."""
        return tuple(pid for pid in dict.fromkeys((self.pid, self.main, *self.children())) if pid)

    def kill(self) -> None:
        """SIGKILL main and children at once; returns when they are gone."""
        if self.pid:
            pid, self.pid = self.pid, 0
            self.world.launcher.end(pid)
            self.world.record("worker-lost", worker=self.name, pid=pid, signal=int(signal.SIGKILL))

    def kill_child(self, place: int = 0) -> int:
        """SIGKILL one child; returns its pid, 0 where there is none."""
        children = self.children()
        if not children:
            return 0
        child = children[place % len(children)]
        os.kill(child, signal.SIGKILL)
        return child

    def stop(self, *, cold: bool) -> None:
        """SIGTERM (warm: finish what runs) or SIGQUIT (cold); does not wait."""
        if self.pid:
            self._told_to_stop = True
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGQUIT if cold else signal.SIGTERM)

    def pause(self) -> None:
        """SIGSTOP main and children."""
        self._signal_all(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT main and children."""
        self._signal_all(signal.SIGCONT)

    def _signal_all(self, number: signal.Signals) -> None:
        for pid in self.processes():
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def _is_ready(self) -> bool:
        source = f"worker:{self.name}:{self.main}"
        if self.world.launcher.ended(self.pid):
            return True
        events = self.world.events()
        if any(event.kind == "interlock-refused" for event in events):
            self.world.check_interlock()
        return any(event.kind == "worker-ready" and event.source == source for event in events)

    def _log(self) -> str:
        return "The end of its log:\n" + self.world.launcher.log(f"worker-{self.name}")


def _children(pid: int) -> tuple[int, ...]:
    """The processes that a process has started and that run, oldest first."""
    with suppress(OSError):
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
        return tuple(child for child in map(int, text.split()) if _lives(child))
    return ()


def _lives(pid: int) -> bool:
    """Whether a process runs: a zombie has ended, and only waits for its parent to notice."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] not in "ZX"
    return False


def workers_of(world: ProcessWorld, layouts: tuple[WorkerLayout, ...]) -> dict[str, ProcessWorker]:
    """One worker for each replica of each layout; one for everything where no layout is given."""
    workers = {}
    for layout in layouts or (WorkerLayout("all", concurrency=2),):
        for copy in range(layout.replicas):
            name = layout.name if copy == 0 else f"{layout.name}-{copy + 1}"
            workers[name] = ProcessWorker(world, layout, name)
    return workers


def free_name(worker: str, taken: Container[str]) -> str:
    """The first name for one more replica that nobody has: ``critical-2``."""
    return next(name for number in count(2) if (name := f"{worker}-{number}") not in taken)
