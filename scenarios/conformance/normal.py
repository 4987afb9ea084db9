"""Histories with timing and the order of concurrent events taken out, and how two of them differ.

What one process says of one task keeps its order; what different processes say at the same time has none.
A life is named by its task and arguments, since ids differ. What must be compared beside that (which of two
things came first, how long it took, in which order tasks ran) a behaviour notes as a fact.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.history import Event
from scenarios.conformance.script import Fact

KEPT: Mapping[str, tuple[str, ...]] = {
    "task-sent": ("queue", "priority", "retries", "countdown_s", "expires_s"),
    "message-published": ("queue", "retries"),
    "publish-failed": ("error_type",),
    "message-delivered": ("queue", "redelivered"),
    "message-acked": (),
    "message-rejected": ("requeue",),
    "task-received": ("retries",),
    "task-started": ("queue", "retries", "redelivered"),
    "body-entered": ("retries",),
    "body-left": ("retries", "error_type"),
    "task-retried": ("retries", "countdown_s", "error", "error_type"),
    "task-succeeded": ("retries",),
    "task-failed": ("error", "error_type", "where"),
    "task-rejected": ("requeue",),
    "task-revoked": ("expired", "terminated"),
    "task-unknown": ("error",),
    "task-internal-error": ("error", "error_type"),
    "result-stored": ("status", "ttl_s", "serializer"),
    "child-lost": ("worker", "error"),
}
"""Kinds of event that are compared, and which of their data."""
OF_WORKERS = ("worker-ready", "worker-lost", "worker-stopped")
SECONDS = ("countdown_s", "expires_s", "ttl_s")
NUMBERS = re.compile(r"\bJob: \d+|\bpid[ =:]\d+|0x[0-9a-f]+|\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")

Lines = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Record:
    """What one behaviour came to on one stage: lines by who said them of what, and facts."""

    lines: Lines
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class Unlike:
    """One place at which two stages differ."""

    where: str
    simulated: str
    processes: str

    def __str__(self) -> str:
        return f"{self.where}\n    simulated: {self.simulated}\n    processes: {self.processes}"


def record(events: Iterable[Event], facts: Sequence[Fact], known: Iterable[str] = ()) -> Record:
    """Normalise what happened; tasks in `known` belong to other behaviours."""
    strange = set(known)
    own = [event for event in events if event.task_id not in strange]
    names = _names(own)
    strands: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    counts: Counter[str] = Counter()
    for event in own:
        if event.kind in KEPT and event.task_id is not None:
            place = f"{names.get(event.task_id, event.task)}, {_role(event)}"
            strands[place][_strand(event, counts)].append(_line(event))
        elif event.kind in OF_WORKERS:
            strands[f"worker {event.get('worker')}"][""].append(event.kind)
    lines = {
        place: tuple(sorted("; ".join(found) for found in strands[place].values()))
        for place in sorted(strands)
    }
    told = [
        Fact(
            fact.name,
            NUMBERS.sub("..", fact.value) if isinstance(fact.value, str) else fact.value,
            fact.within,
        )
        for fact in facts
    ]
    return Record(lines, tuple(told))


def _strand(event: Event, counts: Counter[str]) -> str:
    """What has an order within one process: one delivery in the worker, one run in a child."""
    if event.source.startswith("child"):
        counts[event.source] += event.kind == "task-started"
        return f"{event.source} {counts[event.source]}"
    tag = event.get("delivery_tag")
    if event.kind == "task-received":  # comes at once after its delivery (celery/worker/strategy.py)
        return str(counts["latest"])
    if tag is None:
        return f"{event.source} itself"
    delivery = f"{event.source} {tag}"
    if event.kind == "message-delivered" or delivery not in counts:  # tags begin anew with each connection
        counts["deliveries"] += 1
        counts[delivery] = counts["deliveries"]
    if event.kind == "message-delivered":
        counts["latest"] = counts[delivery]
    return str(counts[delivery])


def unlike(simulated: Record, processes: Record) -> list[Unlike]:
    """Every place at which they differ, facts first."""
    found = []
    facts = [{fact.name: fact for fact in record.facts} for record in (simulated, processes)]
    for name in dict.fromkeys([*facts[0], *facts[1]]):
        one, other = (each.get(name) for each in facts)
        if one is None or other is None or not one.like(other):
            found.append(Unlike(name, *(str(each.value) if each else "-" for each in (one, other))))
    for place in sorted({*simulated.lines, *processes.lines}):
        ours, theirs = (record.lines.get(place, ()) for record in (simulated, processes))
        if ours != theirs:
            found.append(Unlike(place, " | ".join(ours) or "-", " | ".join(theirs) or "-"))
    return found


def _names(events: Iterable[Event]) -> dict[str, str]:
    """A name for each id, that is the same on each stage: task, arguments, and which of several it is."""
    names: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for event in events:
        if event.task_id is None or event.task_id in names or event.kind != "task-sent":
            continue
        arguments = ", ".join(str(each) for each in event.get("args") or ())
        name = f"{str(event.task).removeprefix('conform.')}({NUMBERS.sub('..', arguments)})"
        counts[name] += 1
        names[event.task_id] = f"{name} {counts[name]}" if counts[name] > 1 else name
    return names


def _role(event: Event) -> str:
    """Who said it: client, worker or child, without its number."""
    return " ".join(word for word in event.source.split(":") if not word.isdigit())


def _line(event: Event) -> str:
    told = []
    for name in KEPT[event.kind]:
        value = event.get(name)
        if value is None or value is False or (name == "retries" and not value):
            continue
        if name in SECONDS:
            value = round(float(value), -1) if name == "ttl_s" else round(float(value))
        told.append(f"{name}={NUMBERS.sub('..', str(value))}")
    return " ".join([event.kind, *told])
