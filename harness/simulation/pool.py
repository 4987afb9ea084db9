"""Stands in for the prefork pool: each child is a simulated process that runs one task at a time.

What it does at which moment is that of `celery/concurrency/asynpool.py` and `billiard/pool.py`: a child
takes the job and says so, soft limits raise in the child, hard limits and lost children are told to the
request with the same exceptions, and a child that is gone is replaced.
"""

from __future__ import annotations

import itertools
import signal
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from types import SimpleNamespace
from typing import Any

from billiard import common
from billiard.einfo import ExceptionInfo
from billiard.exceptions import SoftTimeLimitExceeded, Terminated, TimeLimitExceeded, WorkerLostError
from billiard.util import error as log_error
from celery import VERSION, signals
from celery.app import trace
from celery.concurrency.base import BasePool
from kombu.serialization import prepare_accept_content

from harness.simulation.clock import CLOCK, NS
from harness.simulation.descriptors import WORLD, wait_for
from harness.simulation.kernel import Process, Strand

REPORTS_EXIT = hasattr(common, "terminate_handler_fired")
"""Since 4.3.0 a body's own ``SystemExit`` is told before the child ends (`billiard/pool.py`, `workloop`)."""
FORGETS = VERSION[:2] < (5, 6)
"""After a lost connection the pool forgets what runs (`celery/concurrency/asynpool.py`, `flush`)."""
NOTICED_S = 0.001
"""From the end of a child to the parent's notice: what the child said before is acted on first."""
KILLED_S = 0.1
"""From SIGTERM to SIGKILL of a child whose hard limit is over (`billiard/pool.py`, `_trywaitkill`)."""
FORK_S = 0.05
"""From fork to the first task of a child; were it nothing, a task that kills its child would be run again
and again in no time."""


class Job:
    """One execution that the worker asked for."""

    numbers = itertools.count(1)

    def __init__(self, target: Any, args: Any, options: Mapping[str, Any]) -> None:
        self.target = target
        self.args = args
        self.on_accept = options["accept_callback"]
        self.on_done = options["callback"]
        self.on_error = options["error_callback"]
        self.on_timeout = options["timeout_callback"]
        self.soft_s = options.get("soft_timeout")
        self.hard_s = options.get("timeout")
        self.child: Child | None = None
        self.number = next(self.numbers)
        self.terminated = 0
        self.state = "waiting"
        self.limit: Any = None

    def terminate(self, number: int) -> None:
        """Have its child ended as soon as one has begun with it (`billiard/pool.py`, `ApplyResult`)."""
        self.terminated = number


class Child:
    """One child of the pool, and the process that it is."""

    def __init__(self, pool: SimulatedPool) -> None:
        kernel = WORLD.kernel
        self.pool = pool
        parent = pool.process
        self.process = Process(
            f"{parent.name}-child", "child" + parent.role.removeprefix("worker"), 0, parent
        )
        kernel.adopt(self.process)
        self.process.on_end.append(self._ended)
        self.process.on_signal = self._signal
        self.job: Job | None = None
        self.ready = self.terminating = self.controlled = False
        self.runs = 0
        self.strand: Strand = kernel.strand(self.process, self._live)
        kernel.after(FORK_S, kernel.resume, self.strand)

    def take(self, job: Job) -> None:
        """Run a job as soon as the process gets to it."""
        self.job, job.child = job, self
        if self.ready:
            WORLD.kernel.at(CLOCK.ns, WORLD.kernel.resume, self.strand)

    def _live(self, _: Any = None) -> None:
        kernel, pool = WORLD.kernel, self.pool
        self.ready = True
        signals.worker_process_init.send(sender=pool.hostname)
        while True:
            job = self.job
            if job is None:
                kernel.park()
                continue
            pool.tell(partial(pool.accepted, self, job))
            self._run(job)
            self.job = None
            self.runs += 1
            if pool.runs_per_child and self.runs >= pool.runs_per_child:
                signals.worker_process_shutdown.send(sender=pool.hostname, pid=self.process.pid, exitcode=0)
                kernel.end(self.process, 0)
            kernel.park()

    def _run(self, job: Job) -> None:
        pool = self.pool
        try:
            # The parent hears of it before the body does anything: what is acknowledged early is so by then.
            WORLD.kernel.pause()
            location = {"_loc": pool.location} if job.target is trace.fast_trace_task else {}
            answer = job.target(*job.args, **location)
        except (SystemExit, KeyboardInterrupt) as error:
            if REPORTS_EXIT and not self.terminating:
                pool.tell(partial(pool.finished, self, job, job.on_error, ExceptionInfo()))
                self.job = None
            status = error.code if isinstance(error, SystemExit) else 1
            WORLD.kernel.end(self.process, status if isinstance(status, int) else int(status is not None))
        except Exception:  # noqa: BLE001 - the child tells the parent whatever it is (billiard/pool.py)
            pool.tell(partial(pool.finished, self, job, job.on_error, ExceptionInfo()))
        else:
            pool.tell(partial(pool.finished, self, job, job.on_done, answer))

    def _signal(self, number: int) -> None:
        kernel = WORLD.kernel
        if number == signal.SIGUSR1:
            kernel.at(CLOCK.ns, self._soft)
        elif number == signal.SIGTERM and self.job is not None:
            self.terminating = True
            kernel.at(CLOCK.ns, self._leave)
        else:
            kernel.end(self.process, -number)

    def _leave(self, _: Any) -> None:
        """SIGTERM raises in the body, whose ``finally`` runs (`billiard/common.py`, `_shutdown_cleanup`)."""
        WORLD.kernel.throw(self.strand, SystemExit(int(signal.SIGTERM)))

    def _soft(self, _: Any) -> None:
        if self.job is not None:
            WORLD.kernel.throw(self.strand, SoftTimeLimitExceeded())

    def _ended(self) -> None:
        self.pool.lost(self)


class SimulatedPool(BasePool):  # type: ignore[misc]
    """A pool of simulated children."""

    uses_semaphore = True
    """What no child is free for waits in the worker, and can be revoked (`celery/worker/components.py`)."""

    def on_start(self) -> None:
        """Start the children."""
        self.kernel = WORLD.kernel
        self.process = self.kernel.current
        self.process.memory["pool"] = self
        self.hub: Any = None
        self.hostname = self.options["initargs"][1]
        self.semaphore = self.options.get("semaphore")
        self.runs_per_child = int(self.options.get("maxtasksperchild") or 0)
        self.waiting: deque[Job] = deque()
        self.calls: deque[Callable[[], None]] = deque()
        self.ending = False
        tracers = {
            name: SimpleNamespace(
                __trace__=trace.build_tracer(name, task, self.app.loader, self.hostname, app=self.app)
            )
            for name, task in self.app.tasks.items()
        }
        self.location = (
            Tracers(self.app, tracers),
            prepare_accept_content(self.app.conf.accept_content),
            self.hostname,
        )
        self.children = [Child(self) for _ in range(self.limit)]

    def register_with_event_loop(self, loop: Any) -> None:
        """From now on children are heard through the loop."""
        self.hub = loop
        for _ in self.calls:
            loop.call_soon(self._hear_one)

    def tell(self, call: Callable[[], None]) -> None:
        """What a child says reaches the parent when its loop comes round."""
        if self.process.alive:
            self.calls.append(call)
            if self.hub is not None:
                self.hub.call_soon(self._hear_one)

    def _hear_one(self) -> None:
        """It stays in the pipe while the loop is closed, as before Celery 5.6 at its end (`loops.py`)."""
        if self.calls and self.hub._poller is not None:
            self.calls.popleft()()

    def on_apply(self, target: Any, args: Any, kwargs: Any, **options: Any) -> Job:
        """Give a job to the first child that is free."""
        job = Job(target, args, options)
        self.waiting.append(job)
        self._feed()
        return job

    def _feed(self) -> None:
        for child in self.children:
            if not self.waiting:
                return
            if child.job is None and child.process.alive:
                child.take(self.waiting.popleft())

    def accepted(self, child: Child, job: Job) -> None:
        """A child has begun: limits count from now."""
        if job.state != "waiting":
            return
        pid = child.process.pid
        job.state = "running"
        if job.soft_s:
            job.limit = self.hub.call_later(job.soft_s, self._soft_limit, job)
        elif job.hard_s:
            job.limit = self.hub.call_later(job.hard_s, self._hard_limit, job)
        self.call_back(job.on_accept, pid, CLOCK.ns / NS)
        if job.terminated:
            self.terminate_job(pid, job.terminated)

    def finished(self, child: Child, job: Job, callback: Callable[[Any], None] | None, value: Any) -> None:
        """A child has ended a job."""
        if job.state in ("lost", "done"):
            return
        if job.state == "forgotten":
            self._feed()
            return
        self._close_job(job)
        self._feed()
        self._release()
        if callback is not None:
            self.call_back(callback, value)

    def call_back(self, function: Callable[..., None], *args: Any, **options: Any) -> None:
        """Tell the request; what it raises is logged and ends nobody (`billiard/pool.py`, `ApplyResult`)."""
        try:
            function(*args, **options)
        except (MemoryError, *self.callbacks_propagate):
            raise
        except Exception as error:  # noqa: BLE001 - as billiard has it
            log_error("Pool callback raised exception: %r", error, exc_info=1)

    def _release(self) -> None:
        """A place is free: the worker may hand over what waits for one."""
        if self.semaphore is not None:
            self.semaphore.release()

    def _close_job(self, job: Job, state: str = "done") -> None:
        job.state = state
        if job.limit is not None:
            job.limit.cancel()

    def _soft_limit(self, job: Job) -> None:
        if job.state != "running" or job.child is None:
            return
        self.call_back(job.on_timeout, soft=True, timeout=job.soft_s)
        if job.hard_s:
            job.limit = self.hub.call_later(job.hard_s - job.soft_s, self._hard_limit, job)
        if job.child.process.alive:
            self.kernel.kill(job.child.process.pid, signal.SIGUSR1)

    def _hard_limit(self, job: Job) -> None:
        if job.state != "running" or job.child is None:
            return
        self._close_job(job, "lost")
        # `billiard/pool.py`, `on_hard_timeout`: result, then callback, then the child is killed.
        self.call_back(job.on_error, _raised(TimeLimitExceeded(job.hard_s)))
        self.call_back(job.on_timeout, soft=False, timeout=job.hard_s)
        process = job.child.process
        if process.alive:
            self.kernel.kill(process.pid, signal.SIGTERM)
            self.kernel.after(KILLED_S, lambda _: self.kernel.end(process, -signal.SIGKILL))

    def lost(self, child: Child) -> None:
        """A child is gone: another takes its place, and its job is told."""
        if not self.process.alive or self.ending:
            return
        self.children.remove(child)
        self.children.append(Child(self))  # as billiard does (billiard/pool.py:_repopulate_pool)
        self.kernel.after(NOTICED_S, lambda _: self.tell(partial(self._tell_lost, child)))

    def _tell_lost(self, child: Child) -> None:
        job, status = child.job, child.process.exit_status or 0
        if job is not None and job.state == "waiting":
            self.waiting.appendleft(job)
        elif job is not None and job.state == "running":
            self._close_job(job, "lost")
            what = f"{common.human_status(status)} Job: {job.number}"
            error = WorkerLostError(f"Worker exited prematurely: {what}.")
            self.call_back(job.on_error, _raised(Terminated(-status) if child.controlled else error))
        self._feed()
        self._release()

    def flush(self) -> None:
        """The connection is lost; before Celery 5.6 nobody hears any more of what runs."""
        if FORGETS:
            self.waiting.clear()
            for child in self.children:
                if child.job is not None and child.job.state in ("waiting", "running"):
                    self._close_job(child.job, "forgotten")

    def on_stop(self) -> None:
        """A warm end: wait for what runs, hear of it, then end the children.

        What no child has begun with goes back to the broker (`celery/concurrency/asynpool.py`, `flush`).
        """
        self.waiting.clear()
        while any(child.job is not None for child in self.children):
            if self.hub._ready or self.calls:
                self._hear()
            else:
                wait_for([self.hub._waker], None)
                self.hub._waker.drain()
        self._hear()
        self._end_children()

    def _hear(self) -> None:
        for call in self.hub._pop_ready():
            call()
        while self.calls:
            self.calls.popleft()()

    def on_terminate(self) -> None:
        """A cold end: the children are ended at once."""
        self._end_children()

    def _end_children(self) -> None:
        self.ending = True
        for child in self.children:
            if child.process.alive:
                self.kernel.end(child.process, -signal.SIGTERM)

    def terminate_job(self, pid: int, signal: Any = None) -> None:
        """``revoke(terminate=True)``: the child is ended, and its task is not told as lost."""
        for child in self.children:
            if child.process.pid == pid and child.process.alive:
                child.controlled = True
                self.kernel.kill(pid, int(signal or 15))

    def grow(self, n: int) -> None:
        """More children."""
        self.limit += n
        if self.semaphore is not None:
            self.semaphore.grow(n)
        self.children += [Child(self) for _ in range(n)]

    def shrink(self, n: int) -> None:
        """Fewer children."""
        self.limit -= n
        if self.semaphore is not None:
            self.semaphore.shrink(n)
        for child in [each for each in self.children if each.job is None][:n]:
            self.children.remove(child)
            ending, self.ending = self.ending, True
            self.kernel.end(child.process, 0)
            self.ending = ending

    def _get_info(self) -> dict[str, Any]:
        return {
            **super()._get_info(),
            "max-concurrency": self.limit,
            "processes": [child.process.pid for child in self.children],
            "max-tasks-per-child": self.runs_per_child or "N/A",
            "put-guarded-by-semaphore": self.putlocks,
            "timeouts": (self.options.get("soft_timeout") or 0, self.options.get("timeout") or 0),
            "writes": "N/A",
        }


class Tracers(dict[str, Any]):
    """The tracers of one worker by task name; the task's own where it was registered later."""

    def __init__(self, app: Any, tracers: Mapping[str, Any]) -> None:
        super().__init__(tracers)
        self.app = app

    def __missing__(self, name: str) -> Any:
        return self.app.tasks[name]


def _raised(error: Exception) -> ExceptionInfo:
    try:
        raise error
    except type(error):
        return ExceptionInfo()
