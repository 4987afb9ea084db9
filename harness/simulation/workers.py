"""Starts ``celery worker`` as a simulated process: Celery's own command line, in a greenlet."""

from __future__ import annotations

import signal
import sys
import traceback
from collections.abc import Sequence
from typing import Any

from harness.simulation.clock import CLOCK
from harness.simulation.descriptors import WORLD
from harness.simulation.kernel import Interrupt, Process
from harness.simulation.memory import close_databases

POOLS = ("prefork", "processes", "solo")
"""Pools that can be simulated: threads, gevent and eventlet take the time of the machine."""


class Worker:
    """One worker of the layout; it may be started again after it has ended."""

    def __init__(self, name: str, arguments: Sequence[str], role: str = "") -> None:
        self.name = name
        self.role = role or f"worker:{name}"
        self.arguments = list(arguments)
        """Of Celery's command line, from ``-A`` on."""
        self.process: Process | None = None
        self.restart_after_s: float | None = None
        """Set where somebody starts it again when it has ended."""

    def launch(self) -> int:
        """Start it; returns its pid."""
        kernel = WORLD.kernel
        process = self.process = Process(self.name, self.role, 0)
        kernel.adopt(process)
        process.on_end.append(self._ended)
        process.on_signal = self._signal
        strand = kernel.strand(process, self._live)
        process.memory["main"] = strand
        kernel.at(CLOCK.ns, kernel.resume, strand)
        return process.pid

    @property
    def pid(self) -> int:
        """Its main process; 0 while it does not run."""
        return self.process.pid if self.process is not None and self.process.alive else 0

    def children(self) -> list[int]:
        """The pool's processes, oldest first."""
        if self.process is None:
            return []
        return [child.pid for child in self.process.children if child.alive]

    def kill(self) -> int:
        """SIGKILL to the main process and its children at once; the pid that it had."""
        pid = self.pid
        if pid and self.process is not None:
            WORLD.kernel.end(self.process, -signal.SIGKILL)
        return pid

    def _live(self, _: Any = None) -> None:
        from celery.bin.celery import celery as command

        process: Any = self.process
        status = 0
        try:
            answer = command.main(args=self.arguments, prog_name="celery", standalone_mode=False)
            status = answer if isinstance(answer, int) else 0
        except SystemExit as error:
            status = error.code if isinstance(error.code, int) else 1
        except Exception:  # noqa: BLE001 - a worker that cannot start says why, and ends
            sys.stderr.write(traceback.format_exc())
            status = 1
        WORLD.kernel.end(process, status)

    def _signal(self, number: int) -> None:
        process: Any = self.process
        handler = (process.memory.get("signals") or {}).get(number)
        if not callable(handler):
            WORLD.kernel.end(process, -number)
            return
        kernel = WORLD.kernel
        interrupt = Interrupt(lambda: handler(number, None))
        kernel.at(CLOCK.ns, lambda strand: kernel.resume(strand, interrupt), process.memory["main"])

    def _ended(self) -> None:
        """Children die with their parent (`celery/concurrency/prefork.py`, `set_pdeathsig`)."""
        process: Any = self.process
        for child in list(process.children):
            WORLD.kernel.end(child, -signal.SIGKILL)
            close_databases(child)
        close_databases(process)
        if self.restart_after_s is not None:
            WORLD.kernel.after(self.restart_after_s, self._again)

    def _again(self, _: Any) -> None:
        if not self.pid:
            self.launch()


def install() -> None:
    """The pool, and signal handlers by simulated process."""
    from celery import concurrency, platforms
    from celery.apps.beat import Beat
    from celery.apps.worker import Worker as Program
    from celery.beat import Scheduler

    pool = "harness.simulation.pool:SimulatedPool"
    concurrency.ALIASES.update(prefork=pool, processes=pool)
    kind: Any = platforms.Signals

    def keep(this: Any, name: Any, handler: Any) -> None:
        handlers = WORLD.kernel.current.memory.setdefault("signals", {})
        handlers[int(this.signum(name))] = handler

    kind.__setitem__ = keep
    kind.__getitem__ = lambda this, name: (WORLD.kernel.current.memory.get("signals") or {}).get(
        int(this.signum(name)), signal.SIG_DFL
    )
    platforms.install_signal_handler = platforms.signals.__setitem__
    beat: Any = Beat
    beat.set_process_title = lambda _this: None
    beat.banner = lambda _this, _service: ""  # names the address of the app, which differs each time
    scheduler: Any = Scheduler
    # Beat wakes 10 ms early and asks without a pause until an entry is due: here a sleep ends on time.
    scheduler.adjust = lambda _this, n, *_: n
    program: Any = Program
    program.set_process_status = lambda _this, _info: None
    program.emit_banner = lambda _this: None  # names the address of the app, which differs each time
