"""The simulated stage while it is up: a process that simulates, and the harness's end of it."""

from __future__ import annotations

import json
import random
import signal
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from harness.broker import Broker
from harness.database import SqliteDatabase
from harness.errors import DeadlineExceeded, StageError, UsageError
from harness.event_log import Log
from harness.history import Event
from harness.inspection import app_error, refusal
from harness.launcher import ProcessLauncher
from harness.redis_server import entries
from harness.stage import Calls, Isolation, Link, StageSettings
from harness.stages._beat import ENDS_WITHIN_S, NAME, arguments, died
from harness.stages._simulated_handles import (
    ClientProcess,
    SimulatedClock,
    SimulatedMail,
    SimulatedStore,
    SimulatedWorker,
)
from harness.stages._worker import free_name

ANSWER_WITHIN_S, TOLD_WITHIN_S = 120.0, 2.0
"""As in `harness.stages._client`."""
NO_ORDERS: Mapping[str, Any] = {}
FILES = "/proc/self/fd/900/files"
"""The app's files by a path that is the same in every run, also where it becomes part of a result: the
simulating process holds the stage's folder open under this number (`harness.simulation.server`)."""
EPOCH_NS = 1_800_000_000_000_000_000
"""Where virtual time begins (`harness.simulation.clock`)."""


class SimulatedWorld:
    """Everything of a stage that is up."""

    broker: Broker
    results: SimulatedStore
    cache: SimulatedStore
    database: SqliteDatabase
    warp = "virtual"

    def __init__(self, settings: StageSettings, launcher: ProcessLauncher, process: Any) -> None:
        self.settings = settings
        self.launcher = launcher
        self.process = process
        self.clock = SimulatedClock(self.ask)
        self.mail = SimulatedMail(self.ask)
        self.client = ClientProcess(self)
        self.workers: dict[str, SimulatedWorker] = {}
        self.pids: dict[str, int] = {}
        """Of the workers' main processes, as of the last answer; 0 while one does not run."""
        self.tasks: tuple[str, ...] = ()
        self.snapshot: dict[str, Any] = {}
        self.versions: dict[str, str] = {}
        self.log = Log(EPOCH_NS)
        self.ready_ids: list[str] = []
        self.supervised = False
        """Whether the simulation itself starts workers again that a plan has killed."""
        self.ids = random.Random(f"harness{settings.seed}")

    @property
    def folder(self) -> Path:
        """The stage's own folder."""
        return self.launcher.folder

    def begin(self, opening: Mapping[str, Any]) -> None:
        """Tell the process what to simulate."""
        self._exchange(opening)

    def ask(self, do: str, **arguments: Any) -> dict[str, Any]:
        """One command; takes in the time and the events that come with its answer."""
        answer = self._exchange({"do": do, **arguments})
        self.clock.latest_s = answer["now_s"]
        self.pids = answer["pids"]
        self.log.take(answer["events"])
        for mail in answer["mails"]:
            self.mail.kept.append(mail)
            alert = self._alert(mail)
            self.log.add(alert)
            self._count(alert, str(mail.get("digest")))
        if "left" in answer and do != "leave":
            raise StageError(f"The copy of the simulating process ended (status {answer['left']}).")
        if "broken" in answer:
            raise StageError(
                f"The simulation failed: {answer['broken']}",
                remedy=f"This is a bug of the harness:\n{answer['traceback']}",
            )
        return answer

    def _exchange(self, command: Mapping[str, Any]) -> dict[str, Any]:
        try:
            self.process.stdin.write(json.dumps(command, default=str).encode() + b"\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = b""
        if not line:
            raise StageError(
                "The simulating process ended.",
                remedy="The end of its log:\n" + self.launcher.log("simulation"),
            )
        document: dict[str, Any] = json.loads(line)
        return document

    def tell(
        self,
        command: str,
        *,
        within_s: float = ANSWER_WITHIN_S,
        orders: Mapping[str, Any] = NO_ORDERS,
        **arguments: Any,
    ) -> dict[str, Any]:
        """Let the client process do something; what the app raises comes back as `AppError`.

        Publishing is waited for `TOLD_WITHIN_S` at most, and then goes on while others do. `orders` tell the
        bodies of tasks, by id, what to do, before the client begins.
        """
        answer = self.ask(
            "client", command=command, arguments=arguments, within_s=within_s, orders=dict(orders)
        )
        if answer.get("late"):
            if command == "send":
                return {}
            raise DeadlineExceeded(f"The client did not answer {command!r} within {within_s:g} s.")
        document: dict[str, Any] = answer["answer"]
        if "error" in document:
            self.check_interlock()
            raise app_error(self.settings.app, document)
        return document

    def record(self, kind: str, *, task_id: str | None = None, task: str | None = None, **data: Any) -> None:
        """Write an event of the harness's own into the history, now."""
        self.log.add(Event(self.clock.now_s(), kind, "harness", task_id, task, data))

    def events(self) -> Sequence[Event]:
        """Everything recorded so far, in order."""
        return self.log.ordered()

    def arrived(self) -> Sequence[Event]:
        """The same events in the order in which they became known."""
        return self.log.arrived

    def cache_entries(self, pattern: str) -> Sequence[tuple[str, Mapping[str, Any]]]:
        """Hashes, and strings of JSON, under keys that match."""
        return list(entries(self.cache.client, pattern))

    def result_exists(self, key: str) -> bool:
        """Whether the result server still holds a key."""
        return bool(self.results.client.exists(key))

    def log_lines(self, name: str) -> Sequence[str]:
        """What a process of the stage printed."""
        return list(self.ask("log", name=name)["lines"])

    def check_interlock(self) -> None:
        """`InterlockError` where the app tried to reach anything that the stage did not start."""
        for event in self.log.arrived:
            if event.kind == "interlock-refused":
                raise refusal(dict(event.data))

    @property
    def isolation(self) -> Isolation:
        """Nothing simulated has a container."""
        raise UsageError("This fault needs containers.", remedy="Run with --stage containers.")

    @property
    def calls(self) -> Calls:
        """Nothing simulated makes system calls of its own."""
        raise UsageError("This fault needs processes.", remedy="Run with --stage processes.")

    def link(self, server: str) -> Link:
        """There is no proxy: plans strike at protocol steps instead (`harness.trials`)."""
        raise UsageError(
            f"The simulated stage has no proxy before {server}.", remedy="Run with --stage processes."
        )

    def revive(self) -> bool:
        """Start workers again that have ended by themselves; whether there were any."""
        if self.supervised:
            return False
        return sum(worker.revive() for worker in self.workers.values()) > 0

    @contextmanager
    def twin(self, worker: str) -> Iterator[SimulatedWorker]:
        """Another worker as the one of that name; whatever runs of it is gone when the context ends."""
        name = free_name(worker, self.workers)
        self.ask("twin", name=name, worker=worker)
        twin = self.workers[name] = SimulatedWorker(self, self.workers[worker].layout, name)
        try:
            yield twin
        finally:
            if not twin.ended():
                twin.kill()
            del self.workers[name]

    def _count(self, mail: Event, digest: str) -> None:
        """A mail that was kept is an effect of the task that was sending it then."""
        sending = [e for e in self.log.arrived if e.kind == "mail-sending" and e.get("digest") == digest]
        for event in [event for event in sending if event.at_s <= mail.at_s][-1:]:
            data = {"effect": "mail", "what": ",".join(mail.get("to") or ()), "key": digest}
            self.log.add(Event(mail.at_s, "effect", "mail", event.task_id, event.task, data))

    @contextmanager
    def beat(self, schedule: str = "beat-schedule") -> Iterator[None]:
        """``celery beat`` until the context ends."""
        pid = int(self.ask("beat", arguments=arguments(self.settings.app, f"{FILES}/{schedule}"))["pid"])
        try:
            yield
            if self.ask("signal", pid=pid, number=int(signal.SIGTERM)).get("gone"):
                raise died(self.log_lines(NAME))
            self.advance(
                lambda: bool(self.ask("signal", pid=pid, number=0).get("gone")), within_s=ENDS_WITHIN_S
            )
        finally:
            self.ask("signal", pid=pid, number=int(signal.SIGKILL))

    def order_bodies(self, glob: str, body: Mapping[str, Any]) -> Callable[[], None]:
        """An order for all tasks that match; the returned function withdraws it."""
        number = self.ask("order_glob", glob=glob, body=dict(body))["number"]
        return lambda: (self.ask("withdraw", number=number), None)[1]

    def calm(self, task_id: str) -> None:
        """From its next run on, this task's body does nothing and succeeds."""
        self.ask("order", task_id=task_id, body={"stub": True})

    def made_up(self, task: str, copy: int) -> list[Any]:
        """Arguments that a task's signature admits, different for each `copy`."""
        return list(self.tell("make_up", task=task, copy=copy)["args"])

    def send(
        self,
        task: str,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        *,
        body: Mapping[str, Any] | None = None,
        experiment: str = "",
        options: Mapping[str, Any] | None = None,
    ) -> str:
        """Publish one task from the client process; its id comes from the seed."""
        task_id = self.next_id()
        orders = {task_id: dict(body)} if body else NO_ORDERS
        self.tell(
            "send", within_s=TOLD_WITHIN_S, orders=orders, task=task, args=list(args), kwargs=dict(kwargs),
            task_id=task_id, options=dict(options or {}), experiment=experiment, body=dict(body or {}),
        )  # fmt: skip
        return task_id

    def next_id(self) -> str:
        """The id of the next task that is sent; ids come from the seed."""
        return (
            self.ready_ids.pop(0)
            if self.ready_ids
            else str(uuid.UUID(int=self.ids.getrandbits(128), version=4))
        )

    @contextmanager
    def copied(self) -> Iterator[None]:
        """Whatever happens inside happens to a copy of the world; afterwards all is as it was before."""
        log, kept, ids = self.log, list(self.mail.kept), self.ids.getstate()
        self.log = log.copy()
        self.ask("fork")
        files = self.database.keep()
        try:
            yield
        finally:
            self.log = log
            self.mail.kept[:] = kept
            self.ids.setstate(ids)
            self.ready_ids = []
            self.supervised = False
            self.ask("leave")
            self.database.put_back(files)

    def advance(
        self,
        until: Callable[[], bool],
        *,
        within_s: float,
        wake_at_s: Callable[[], float | None] = lambda: None,
    ) -> bool:
        """Let virtual time pass until something holds; False when `within_s` ran out first."""
        ends_s = _whole_ns(self.clock.now_s() + within_s)
        while not until():
            now_s = self.clock.now_s()
            if now_s >= ends_s:
                return False
            wake_s = wake_at_s()
            target_s = ends_s if wake_s is None else min(ends_s, max(_whole_ns(wake_s), now_s))
            self.ask("advance", until_s=target_s)
        return True

    def _alert(self, mail: Mapping[str, Any]) -> Event:
        text = f"{mail.get('subject', '')}\n{mail.get('text', '')}"
        ids = {e.task_id for e in self.log.arrived if e.kind == "task-sent" and e.task_id}
        at_s = (int(mail["mono_ns"]) - EPOCH_NS) / 1e9
        data = {name: mail.get(name) for name in ("to", "sender", "subject", "text")}
        return Event(
            at_s, "alert-sent", "mail", None, None, {**data, "concerns": sorted(i for i in ids if i in text)}
        )


def _whole_ns(seconds: float) -> float:
    """The first moment at or after this one that the simulating process counts: none lies between two."""
    found = round(seconds * 1e9)
    return (found if found / 1e9 >= seconds else found + 1) / 1e9
