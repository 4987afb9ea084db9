"""The events of one run, in order, the faults among them: written, read and asked.

On disk a history is JSON Lines: a header, one line an event, and a footer that counts the
events, so that a record cut in the middle is noticed. ``GLOSSARY.md`` lists the kinds of event.

============================ =========================================================================
kind                         data (all optional unless said; times are seconds since the run began)
============================ =========================================================================
``task-sent``                queue, exchange, routing_key, priority, retries, eta_s, countdown_s, args,
                             kwargs, expires_s, experiment (only for the harness's own workload),
                             body (what the harness asked the body to do), options; before the publish
``message-published``        queue, retries: the broker client took it
``publish-failed``           error, error_type
``message-delivered``        queue, priority, redelivered, delivery_tag
``message-acked``            queue, delivery_tag
``message-rejected``         queue, delivery_tag, requeue
``task-received``            queue, retries, eta_s
``task-started``             queue, retries, redelivered, worker, pid
``body-entered``             retries, pid: the user's own function began
``body-left``                retries, pid, error_type (None: it returned)
``task-retried``             retries (of the attempt that failed), countdown_s, eta_s, error, error_type
``task-succeeded``           retries, runtime_s
``task-failed``              retries, error, error_type, where ("child" or "worker")
``task-rejected``            requeue
``task-revoked``             expired, terminated
``task-unknown``             error
``task-internal-error``      error, error_type
``result-stored``            status, size_bytes, ttl_s, compressed, serializer
``result-gone``              status it had, age_s
``lock-acquired``            key, ttl_s, by ("cache" or "redis")
``lock-denied``              key
``lock-released``            key
``effect``                   effect ("row", "file", "mail"), what ("payroll.SalaryPayment", a path,
                             receivers), key, renamed (the path that a file had before)
``mail-sending``             digest: a task gives a mail to the server, which may keep it or not
``alert-sent``               to (list), sender, subject, text, concerns (list of task ids found in it)
``dead-lettered``            destination, record (mapping of what a replay finds there), count
``celery-event``             event (Celery's own event type, as its monitor saw it), worker
``log-record``               worker, structured (bool), fields (list), text
``worker-ready``             worker, queues, concurrency, pool, pid
``worker-lost`` ``worker-stopped``  worker, pid, exit_status
``child-lost``               worker, pid, signal
``fault-injected`` ``fault-healed``  fault, settings, target; missed (the failure passed by the ``try``)
``fault-struck``             fault, link (the server), command, step ("before", "after", "reply", ...), nth,
                             connection, pid (of the client), words, concerns (ids that are in the bytes):
                             the proxy did to one command what the fault says; with the link "system" the
                             command is a system call, what its path or name, role the process's
``experiment-began`` ``experiment-ended``  experiment, tier, settled (bool), waiting (list of task ids),
                             unstruck (list of the faults whose moment never came)
``broker-read``              queues ({name: {depth, tasks: [id, ...]}}), unacked ([id, ...]),
                             consumers ({queue: n}); at the end of the run
``clock-bent``               late_s, since_s: at some time between `since_s` and the event
``simulation-note``          what, where: something that the simulated stage has no hold of (a thread, ...)
============================ =========================================================================
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from operator import itemgetter
from pathlib import Path
from typing import Any

from harness.errors import HistoryError

SCHEMA = 1

TERMINAL = frozenset({"task-succeeded", "task-failed", "task-rejected", "task-revoked", "task-unknown"})
"""Kinds that end a task's life in a worker (`celery/app/trace.py`, `celery/worker/request.py`)."""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened, `at_s` seconds of the stage's monotonic clock after the run began."""

    at_s: float
    kind: str
    source: str = "harness"
    task_id: str | None = None
    task: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)

    def get(self, name: str, default: Any = None) -> Any:
        """One field of `data`."""
        return self.data.get(name, default)


@dataclass(frozen=True, slots=True)
class Header:
    """What a run was: enough to run it again and to judge it without the app.

    `contract` and `origins` say where each promise was made (`harness.contract.Contract.origins`).
    `settings` is the snapshot that `harness.settings` describes, `versions` maps distribution or
    server names to versions, `command` is the command line that made the run. `server` is the broker's binary
    and `images` what plays each role in a container, as far as the user named them. `real_times` are pairs of
    seconds by the stage's clock and by a real one, both since the run began; none where time is simulated.
    """

    app: str = ""
    stage: str = ""
    broker: str = ""
    seed: int = 0
    warp: str = "off"
    database: str = "sqlite"
    server: str = ""
    images: Mapping[str, str] = field(default_factory=dict)
    started_at: str = ""
    command: str = ""
    workdir: str = ""
    contract: str = ""
    origins: Mapping[str, str] = field(default_factory=dict)
    only: tuple[str, ...] = ()
    tiers: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    real_times: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class History:
    """A header and the events in order of time; indexes are made when they are first asked for."""

    header: Header
    events: tuple[Event, ...]
    memo: dict[Any, Any] = field(default_factory=dict, compare=False, repr=False)
    """What pure functions have found in this history, by a key of their own."""

    @cached_property
    def places(self) -> Mapping[int, int]:
        """The place of each event by its identity."""
        return {id(event): place for place, event in enumerate(self.events)}

    @cached_property
    def _by_kind(self) -> Mapping[str, list[tuple[int, Event]]]:
        kinds: dict[str, list[tuple[int, Event]]] = {}
        for place, event in enumerate(self.events):
            kinds.setdefault(event.kind, []).append((place, event))
        return kinds

    def of(self, *kinds: str, task_id: str | None = None, task: str | None = None) -> Iterator[Event]:
        """Events of these kinds, in order, of one task id or task name where given."""
        lists = [self._by_kind.get(kind, []) for kind in dict.fromkeys(kinds)]
        chosen = lists[0] if len(lists) == 1 else sorted(chain(*lists), key=itemgetter(0))
        for _, event in chosen:
            if task_id is not None and event.task_id != task_id:
                continue
            if task is not None and event.task != task:
                continue
            yield event

    def life(self, task_id: str) -> tuple[Event, ...]:
        """Everything that happened to one task id."""
        return tuple(event for event in self.events if event.task_id == task_id)

    def workload(self, experiment: str | None = None) -> Iterator[Event]:
        """First publishes by the harness itself, of one experiment where given (`name` or `name/...`)."""
        for event in self.of("task-sent"):
            label = event.get("experiment")
            if label is None or event.get("retries"):
                continue
            if experiment is None or label == experiment or label.startswith(f"{experiment}/"):
                yield event

    def index(self, event: Event) -> int:
        """The place of an event, counted from 0, as verdicts cite it."""
        return self.places[id(event)]


def ordered(events: Iterable[Event]) -> tuple[Event, ...]:
    """Events by time; equal times keep the order in which they were given."""
    return tuple(sorted(events, key=lambda event: event.at_s))


def write(history: History, path: Path) -> None:
    """Write header, events and footer; the file appears whole or not at all."""
    lines = [json.dumps({"schema": SCHEMA, **_header_document(history.header)}, default=str)]
    lines += [event_line(event) for event in history.events]
    lines.append(json.dumps({"end": len(history.events)}))
    partial = path.with_suffix(".partial")
    partial.write_text("\n".join(lines) + "\n", encoding="utf-8")
    partial.replace(path)


def read(path: Path) -> History:
    """Read a stored history; `HistoryError` where it is cut, damaged or of another schema."""
    remedy = "Run the experiment again: a record with a hole proves nothing."
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise HistoryError(f"{path}: cannot be read: {error}.") from error
    if not lines:
        raise HistoryError(f"{path}: the history is empty.", remedy=remedy)
    documents = [_document(line, path, number) for number, line in enumerate(lines, start=1)]
    head, body, foot = documents[0], documents[1:-1], documents[-1]
    if head.get("schema") != SCHEMA:
        raise HistoryError(
            f"{path}:1: schema {head.get('schema')!r}, and this version reads schema {SCHEMA}.", remedy=remedy
        )
    if len(documents) < 2 or foot.get("end") != len(body):
        raise HistoryError(f"{path}: the history is cut after line {len(lines)}.", remedy=remedy)
    events = tuple(_event(document, path, number) for number, document in enumerate(body, start=2))
    return History(_header(head, path), events)


def event_line(event: Event) -> str:
    """One event as one line of JSON."""
    document: dict[str, Any] = {"at_s": round(event.at_s, 6), "kind": event.kind, "source": event.source}
    if event.task_id is not None:
        document["task_id"] = event.task_id
    if event.task is not None:
        document["task"] = event.task
    if event.data:
        document["data"] = dict(event.data)
    return json.dumps(document, default=str)


def _document(line: str, path: Path, number: int) -> dict[str, Any]:
    try:
        document = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise HistoryError(f"{path}:{number}: the history is cut or damaged here.") from error
    if not isinstance(document, dict):
        raise HistoryError(f"{path}:{number}: not an event.")
    return document


def _event(document: Mapping[str, Any], path: Path, number: int) -> Event:
    try:
        return Event(
            at_s=float(document["at_s"]),
            kind=str(document["kind"]),
            source=str(document.get("source", "harness")),
            task_id=document.get("task_id"),
            task=document.get("task"),
            data=dict(document.get("data", {})),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise HistoryError(f"{path}:{number}: not an event: {error}.") from error


def _header_document(header: Header) -> dict[str, Any]:
    return {name: getattr(header, name) for name in Header.__slots__}


def _header(document: Mapping[str, Any], path: Path) -> Header:
    blank, known = Header(), dict[str, Any]()
    for name in Header.__slots__:
        value, kind = document.get(name, getattr(blank, name)), type(getattr(blank, name))
        if not isinstance(value, list if kind is tuple else kind) and name in document:
            raise HistoryError(f"{path}:1: {name} is no {kind.__name__}: {value!r:.80}.")
        known[name] = tuple(value) if kind is tuple else value
    try:
        known["real_times"] = tuple(
            (float(stage_s), float(real_s)) for stage_s, real_s in known["real_times"]
        )
    except (TypeError, ValueError) as error:
        raise HistoryError(f"{path}:1: real_times are no pairs of seconds: {error}.") from error
    return Header(**known)
