"""The processes stage while it is up: the handles, the record, and the passing of time."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any

from harness.broker import Broker
from harness.call_faults import CallFaults
from harness.contract import Contract
from harness.database import SqliteDatabase
from harness.errors import StageError, UsageError
from harness.event_log import EventLog
from harness.history import Event
from harness.inspection import refusal
from harness.launcher import ProcessLauncher
from harness.mail_sink import MailSink
from harness.postgres_server import PostgresDatabase
from harness.proxy_server import ProxyServer, link_of
from harness.redis_server import RedisServer, entries
from harness.stage import SERVERS, Isolation, Link, StageSettings
from harness.stages._beat import beating
from harness.stages._client import ProcessClient
from harness.stages._moments import Moments
from harness.stages._worker import ProcessWorker, free_name
from harness.warp.clock import SharedClock
from harness.warp.controller import BENT_LIMIT_S, Warp
from harness.warp.pace import FixedRate, RealTime

REFUSED = "refused"
"""The file in which the preloaded library names the addresses that it refused."""


class StageClock:
    """Seconds since the run began, on the clock that all processes of the stage share."""

    def __init__(self, shared: SharedClock | None, timing: Warp | FixedRate | RealTime) -> None:
        self.shared = shared
        self.timing = timing
        self.zero_s = self.monotonic_s()

    def monotonic_s(self) -> float:
        """The stage's monotonic clock as its processes read it."""
        return time.monotonic() if self.shared is None else self.shared.now_s()

    def now_s(self) -> float:
        """Seconds of the stage's monotonic clock since the run began."""
        return self.monotonic_s() - self.zero_s

    def step_wall(self, seconds: float) -> None:
        """Step the wall clock; needs the shared clock."""
        if self.shared is None:
            raise StageError(
                "Without warp the wall clock is the machine's own.", remedy="Run with --warp auto."
            )
        self.shared.step_wall(seconds)


class ProcessWorld:
    """Everything of a stage that is up."""

    client: ProcessClient
    broker: Broker
    results: RedisServer
    cache: RedisServer
    mail: MailSink
    database: SqliteDatabase | PostgresDatabase
    proxy: ProxyServer | None

    def __init__(self, settings: StageSettings, launcher: ProcessLauncher, clock: StageClock) -> None:
        self.settings = settings
        self.launcher = launcher
        self.clock = clock
        self.proxy = None
        self.isolated: Isolation | None = None
        self.workers: dict[str, ProcessWorker] = {}
        self.tasks: tuple[str, ...] = ()
        self.snapshot: dict[str, Any] = {}
        self.versions: dict[str, str] = {}
        self.calls = CallFaults(launcher.folder)
        self.log = EventLog(launcher.folder / "events.jsonl", int(clock.zero_s * 1e9))
        self.ready_ids: list[str] = []
        """Ids of the tasks that are sent next, where somebody has chosen them (`harness.confirm`)."""
        self._orders = 0
        self._mails = 0
        self._straight_s = 0.0
        """Until when the clock is known not to have been bent without a note."""
        self.moments = Moments()
        self.real_times: list[tuple[float, float]] = []
        self._real_zero_s = time.monotonic()

    @property
    def folder(self) -> Path:
        """The stage's own folder."""
        return self.launcher.folder

    @property
    def contract(self) -> Contract:
        """The contract that the stage was opened with."""
        return self.settings.contract

    @property
    def isolation(self) -> Isolation:
        """What only containers can do."""
        if self.isolated is None:
            raise UsageError("This fault needs containers.", remedy="Run with --stage containers.")
        return self.isolated

    @property
    def warp(self) -> str:
        """How time passes."""
        if self.clock.shared is None:
            return "off"
        return "idle" if self.settings.warp in ("auto", "off") else self.settings.warp

    def record(self, kind: str, *, task_id: str | None = None, task: str | None = None, **data: Any) -> None:
        """Write an event of the harness's own into the history, now."""
        now_s = self.clock.now_s()
        self.real_times.append((round(now_s, 3), round(time.monotonic() - self._real_zero_s, 3)))
        self.log.add(Event(now_s, kind, "harness", task_id, task, data))

    def events(self) -> Sequence[Event]:
        """Everything recorded so far, in order; mails among it."""
        self.arrived()
        return self.log.ordered()

    def arrived(self) -> Sequence[Event]:
        """The same events in the order in which they became known."""
        if hasattr(self, "client"):
            self.client.pump()
        for mail in self.mail.mails()[self._mails :]:
            self._mails += 1
            alert = self._alert(mail)
            self.log.add(alert)
            self._count(alert, str(mail.get("digest")))
        return self.log.refresh()

    def cache_entries(self, pattern: str) -> Sequence[tuple[str, Mapping[str, Any]]]:
        """Hashes, and strings of JSON, under keys that match."""
        return [(key, value) for key, value in entries(self.cache.client, pattern)]

    def result_exists(self, key: str) -> bool:
        """Whether the result server still holds a key."""
        return bool(self.results.client.exists(key))

    def log_lines(self, name: str) -> Sequence[str]:
        """What a process of the stage printed."""
        return self.launcher.log(name, lines=100_000).splitlines()

    def _alert(self, mail: Mapping[str, Any]) -> Event:
        text = f"{mail.get('subject', '')}\n{mail.get('text', '')}"
        ids = {e.task_id for e in self.log.refresh() if e.kind == "task-sent" and e.task_id}
        at_s = int(mail["mono_ns"]) / 1e9 - self.clock.zero_s
        data = {name: mail.get(name) for name in ("to", "sender", "subject", "text")}
        concerns = sorted(i for i in ids if i in text)
        return Event(at_s, "alert-sent", "mail", None, None, {**data, "concerns": concerns})

    def revive(self) -> bool:
        """Start workers again that have ended by themselves; whether there were any."""
        dead = [worker for worker in self.workers.values() if worker.has_died()]
        for worker in dead:
            worker.revive()
        return bool(dead)

    @contextmanager
    def twin(self, worker: str) -> Iterator[ProcessWorker]:
        """Another worker as the one of that name; whatever runs of it is gone when the context ends."""
        name = free_name(worker, self.workers)
        twin = self.workers[name] = ProcessWorker(self, self.workers[worker].layout, name)
        try:
            yield twin
        finally:
            del self.workers[name]
            if twin.pid:
                self.launcher.end(twin.pid)

    def _count(self, mail: Event, digest: str) -> None:
        """A mail that was kept is an effect of the task that was sending it then."""
        sending = [e for e in self.log.arrived if e.kind == "mail-sending" and e.get("digest") == digest]
        by = [event for event in sending if event.at_s <= mail.at_s][-1:]
        for event in by:
            data = {"effect": "mail", "what": ",".join(mail.get("to") or ()), "key": digest}
            self.log.add(Event(mail.at_s, "effect", "mail", event.task_id, event.task, data))

    def beat(self, schedule: str = "beat-schedule") -> AbstractContextManager[None]:
        """``celery beat`` until the context ends."""
        return beating(self, schedule)

    def order_bodies(self, glob: str, body: Mapping[str, Any]) -> Callable[[], None]:
        """An order for all tasks that match; the returned function withdraws it."""
        self._orders += 1
        path = self.folder / "orders" / f"glob-{self._orders:04}.json"
        _write(path, {"glob": glob, "body": dict(body)})
        return lambda: path.unlink(missing_ok=True)

    def calm(self, task_id: str) -> None:
        """From its next run on, this task's body does nothing and succeeds."""
        _write(self.folder / "orders" / f"{task_id}.json", {"stub": True})

    def made_up(self, task: str, copy: int) -> list[Any]:
        """Arguments that a task's signature admits, different for each `copy`."""
        return list(self.client.ask("make_up", task=task, copy=copy)["args"])

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
        """Publish one task from the client process; its body's orders are in place before that.

        Returns after a moment also while the broker does not answer: the publish goes on then.
        """
        task_id = self.ready_ids.pop(0) if self.ready_ids else str(uuid.uuid4())
        if body:
            _write(self.folder / "orders" / f"{task_id}.json", dict(body))
        self.client.tell(
            "send", task=task, args=list(args), kwargs=dict(kwargs), task_id=task_id,
            options=dict(options or {}), experiment=experiment, body=dict(body or {}),
        )  # fmt: skip
        return task_id

    def advance(
        self,
        until: Callable[[], bool],
        *,
        within_s: float,
        wake_at_s: Callable[[], float | None] = lambda: None,
    ) -> bool:
        """Let the stage's time pass until something holds; False when `within_s` ran out first."""
        zero_s = self.clock.zero_s

        def wake() -> float | None:
            at_s = wake_at_s()
            return None if at_s is None else at_s + zero_s

        try:
            return self.clock.timing.advance(until, within_s=within_s, wake_at_s=wake)
        finally:
            self._note_bent()

    def _note_bent(self) -> None:
        """A timer that fired much later than its deadline says that the machine starved, not the app."""
        late_s = self.clock.timing.bent_s
        if late_s > BENT_LIMIT_S:
            self.record("clock-bent", late_s=round(late_s, 3), since_s=round(self._straight_s, 3))
            self.clock.timing.reset()
        self._straight_s = self.clock.now_s()

    def known_moments(self) -> Iterable[float]:
        """What no jump passes; called before each jump, whose slack it sets as well."""
        self.log.refresh()
        self.moments.feed(self.log.arrived, self.snapshot.get("tasks") or {})
        now_s = self.clock.now_s()
        coming = self.moments.next(now_s)
        if isinstance(self.clock.timing, Warp):
            self.clock.timing.slack_s = self.moments.slack_s(now_s)
        return [at_s + self.clock.zero_s for at_s in coming]

    def link(self, server: str) -> Link:
        """The proxy before a server; `UsageError` where none stands there."""
        return link_of(self.proxy.links if self.proxy else {}, server, SERVERS)

    def check_interlock(self) -> None:
        """`InterlockError` where any process was refused an address, by Python or below it."""
        for event in self.log.refresh():
            if event.kind == "interlock-refused":
                raise refusal(dict(event.data))
        refused = self.folder / REFUSED
        if refused.exists():
            pid, _, address = refused.read_text(encoding="utf-8").partition("\n")[0].partition(" ")
            raise refusal({"address": address, "blame": f"a C library in process {pid} connects to it"})

    def workers_on(self, queue: str) -> list[ProcessWorker]:
        """The workers that consume a queue."""
        return [worker for worker in self.workers.values() if not worker.queues or queue in worker.queues]

    def stop_workers(self, within_s: float = 10.0) -> None:
        """Ask all workers to stop, warm, so that what they know reaches the record."""
        for worker in self.workers.values():
            with suppress(ProcessLookupError):
                worker.resume()
                worker.stop(cold=False)
        pids = [worker.pid for worker in self.workers.values() if worker.pid]
        self.advance(lambda: all(self.launcher.ended(pid) for pid in pids), within_s=within_s)


def _write(path: Path, document: Mapping[str, Any]) -> None:
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(document), encoding="utf-8")
    partial.replace(path)
