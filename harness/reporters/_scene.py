"""A history as a picture: lanes, and the spans, arcs, bands, marks and depths that are drawn on them.

Pure, and plain data: `harness/reporters/_html/page.js` draws it. Times are seconds of the stage's clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.contract import Contract
from harness.history import Event, History
from harness.lives import ENDS, Attempt, Life, end_s, lives
from harness.masking import masked

WORKER_MARKS = frozenset({"worker-ready", "worker-lost", "worker-stopped", "child-lost"})


@dataclass(frozen=True, slots=True)
class Span:
    """One attempt: from its start to its end, in a child of a worker."""

    lane: int
    from_s: float
    to_s: float
    task_id: str
    attempt: int
    outcome: str
    event: int


@dataclass(frozen=True, slots=True)
class Arc:
    """One retry: from the failure to the next attempt, with the promised envelope of the delay."""

    lane: int
    to_lane: int
    from_s: float
    to_s: float
    task_id: str
    low_s: float | None
    high_s: float | None


@dataclass(frozen=True, slots=True)
class Band:
    """A fault while it held."""

    lane: int
    from_s: float
    to_s: float
    name: str
    event: int


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened at a moment."""

    lane: int
    at_s: float
    kind: str
    event: int


@dataclass(slots=True)
class Scene:
    """The picture; `lanes` are pairs of kind and name, from top to bottom."""

    lanes: list[tuple[str, str]] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    arcs: list[Arc] = field(default_factory=list)
    bands: list[Band] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    depths: dict[int, list[tuple[float, int]]] = field(default_factory=dict)
    """For each queue's lane the moments at which its depth changed, and the depth from then on."""


def scene(contract: Contract, history: History) -> Scene:
    """The whole picture of a run."""
    found = lives(history)
    children = _children(history, found)
    depths = _depths(history)
    drawn = Scene(lanes=_lanes(contract, history, children, depths))
    places = {lane: number for number, lane in enumerate(drawn.lanes)}
    drawn.depths = {places["queue", name]: steps for name, steps in depths.items()}
    for life in found.values():
        _draw_life(drawn, life, contract, history, children, places)
    drawn.bands = [
        Band(places["fault", name], from_s, to_s, name, history.index(event))
        for name, from_s, to_s, event in _faults(history)
    ]
    for event in history.events:
        lane = _mark_lane(event)
        if lane is not None and lane in places:
            drawn.marks.append(Mark(places[lane], event.at_s, event.kind, history.index(event)))
    return drawn


@dataclass(frozen=True, slots=True)
class _Children:
    """Which attempt ran in which worker, and the place of each process among its worker's children."""

    slots: Mapping[tuple[str, int], int]

    def lane(self, attempt: Attempt) -> tuple[str, str]:
        worker, pid = _whereabouts(attempt)
        return "child", child_name(worker, self.slots[worker, pid])


def child_name(worker: str, slot: int) -> str:
    """``critical · child 2``: the place that a process takes among its worker's children, counted from 1."""
    return f"{worker} · child {slot}"


def _whereabouts(attempt: Attempt) -> tuple[str, int]:
    parts = attempt.began.source.split(":")
    worker = attempt.worker or (parts[1] if len(parts) > 1 else "worker")
    return str(worker), attempt.pid or 0


def _children(history: History, found: Mapping[str, Life]) -> _Children:
    """A process takes the place of one that made no attempt any more: so few lanes show many processes."""
    seen: dict[tuple[str, int], tuple[float, float]] = {}
    for life in found.values():
        for number, attempt in enumerate(life.attempts):
            from_s, to_s = attempt.began.at_s, _end(life, number, history)[0]
            low, high = seen.get(_whereabouts(attempt), (from_s, to_s))
            seen[_whereabouts(attempt)] = (min(low, from_s), max(high, to_s))
    slots: dict[tuple[str, int], int] = {}
    taken: dict[str, list[float]] = {}
    for (worker, pid), (from_s, to_s) in sorted(seen.items(), key=lambda each: (each[1], each[0])):
        ends = taken.setdefault(worker, [])
        place = next((place for place, end in enumerate(ends) if end <= from_s), len(ends))
        ends[place : place + 1] = [to_s]
        slots[worker, pid] = place + 1
    return _Children(slots)


def _end(life: Life, number: int, history: History) -> tuple[float, str]:
    """When an attempt ended, and how; one whose process died ended with the process."""
    attempt, last_s = life.attempts[number], end_s(history)
    later = life.attempts[number + 1] if number + 1 < len(life.attempts) else None
    if attempt.ended is not None:
        kind = "retried" if attempt.ended.kind == "task-retried" else ENDS[attempt.ended.kind]
        return attempt.ended.at_s, kind
    until_s = later.began.at_s if later is not None else last_s
    worker = _whereabouts(attempt)[0]
    for event in (*life.of("child-lost"), *history.of("worker-lost")):
        whose = event.kind == "child-lost" or event.get("worker") == worker
        if whose and attempt.began.at_s <= event.at_s <= until_s:
            return event.at_s, "lost"
    if attempt.left is not None:
        return attempt.left.at_s, "ignored" if attempt.left.get("error_type") == "Ignore" else "left"
    return until_s, "lost" if later is not None else "open"


def _lanes(
    contract: Contract, history: History, children: _Children, depths: Mapping[str, Any]
) -> list[tuple[str, str]]:
    """Faults; each queue with its workers and their children; then what came of the tasks."""
    faults = dict.fromkeys(name for name, *_ in _faults(history))
    queues_of = {str(e.get("worker")): tuple(e.get("queues") or ()) for e in history.of("worker-ready")}
    workers = dict.fromkeys([*queues_of, *(worker for worker, _ in sorted(children.slots))])
    order = [tier.queue for tier in contract.tiers if tier.queue in depths]
    lanes = [("fault", name) for name in faults]
    placed: set[str] = set()
    for queue in dict.fromkeys([*order, *sorted(depths)]):
        lanes.append(("queue", str(queue)))
        for worker in workers:
            if worker not in placed and queue in queues_of.get(worker, ()):
                placed.add(worker)
                lanes += _worker_lanes(worker, children)
    for worker in workers:
        if worker not in placed:
            lanes += _worker_lanes(worker, children)
    marked = dict.fromkeys(lane for event in history.events if (lane := _mark_lane(event)) is not None)
    kinds = ("letter", "alert", "effect", "clock")
    return lanes + sorted((lane for lane in marked if lane[0] in kinds), key=lambda x: (kinds.index(x[0]), x))


def _worker_lanes(worker: str, children: _Children) -> list[tuple[str, str]]:
    count = max((slot for (name, _), slot in children.slots.items() if name == worker), default=0)
    return [("worker", worker), *(("child", child_name(worker, slot)) for slot in range(1, count + 1))]


def _mark_lane(event: Event) -> tuple[str, str] | None:
    """The lane on which an event is a mark; None for one that is none."""
    if event.kind in WORKER_MARKS:
        return "worker", str(event.get("worker"))
    if event.kind == "effect":
        return "effect", str(event.get("what") or event.get("effect"))
    if event.kind == "dead-lettered":
        return "letter", masked(str(event.get("destination")))
    if event.kind == "alert-sent":
        return "alert", ", ".join(str(each) for each in event.get("to") or ()) or "mail"
    return ("clock", "bent") if event.kind == "clock-bent" else None


def _faults(history: History) -> Iterator[tuple[str, float, float, Event]]:
    """Each strike with the moment at which it was healed; what a body was made to raise is a moment."""
    healed: dict[str, list[float]] = {}
    for event in history.of("fault-healed"):
        healed.setdefault(str(event.get("fault")), []).append(event.at_s)
    for event in history.of("fault-injected"):
        name = str(event.get("fault"))
        ends = healed.get(name, [])
        yield name, event.at_s, ends.pop(0) if ends else event.at_s, event


def _depths(history: History) -> dict[str, list[tuple[float, int]]]:
    """How many messages wait in each queue: published, and not yet delivered to a worker.

    A message counts from just before its publish; a redelivery is of one that was delivered before.
    """
    steps: dict[str, list[tuple[float, int]]] = {}
    depths: dict[str, int] = {}
    changes = {"task-sent": 1, "publish-failed": -1, "message-delivered": -1}
    queue_of: dict[str | None, str] = {}
    for event in history.of(*changes):
        queue = event.get("queue") or queue_of.get(event.task_id)
        if event.kind == "task-sent" and queue:
            queue_of[event.task_id] = queue
        if not queue or event.get("redelivered"):
            continue
        name = str(queue)
        depths[name] = max(0, depths.get(name, 0) + changes[event.kind])
        steps.setdefault(name, []).append((event.at_s, depths[name]))
    return steps


def _draw_life(
    drawn: Scene,
    life: Life,
    contract: Contract,
    history: History,
    children: _Children,
    places: Mapping[tuple[str, str], int],
) -> None:
    for number, attempt in enumerate(life.attempts):
        to_s, outcome = _end(life, number, history)
        lane = places[children.lane(attempt)]
        place = history.index(attempt.began)
        drawn.spans.append(Span(lane, attempt.began.at_s, to_s, life.task_id, attempt.number, outcome, place))
    drawn.arcs += _arcs(life, contract, {id(a): places[children.lane(a)] for a in life.attempts})


def _arcs(life: Life, contract: Contract, lanes: Mapping[int, int]) -> Iterable[Arc]:
    tier = contract.tier_of(life.task)
    delay = tier.retry.delay if tier is not None and tier.retry is not None else None
    for retry in life.retries:
        before = _made_by(life.attempts, retry.retried)
        if retry.again is None or before is None:
            continue
        low_s, high_s = delay.envelope_s(retry.number) if delay is not None else (None, None)
        at_s = retry.retried.at_s
        lane, to_lane = lanes[id(before)], lanes[id(retry.again)]
        yield Arc(lane, to_lane, at_s, retry.again.began.at_s, life.task_id, low_s, high_s)


def _made_by(attempts: Sequence[Attempt], retried: Event) -> Attempt | None:
    """The attempt that ended with this retry."""
    return next((attempt for attempt in attempts if attempt.ended is retried), None)
