"""What became of each task of a run: its attempts, its retries, its end; pure functions over a history."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from harness.contract import Contract, Tier
from harness.history import Event, History

Outcome = Literal["succeeded", "failed", "rejected", "revoked", "unknown-task", "ignored"]

ENDS: dict[str, Outcome] = {
    "task-succeeded": "succeeded",
    "task-failed": "failed",
    "task-rejected": "rejected",
    "task-revoked": "revoked",
    "task-unknown": "unknown-task",
}
"""What each terminal event makes of a task."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One run of a task: a delivery that was started, be it a first one, a retry or a redelivery.

    `number` is Celery's count of retries, 0 for the first; a redelivery repeats it. `ended` is the
    terminal event or ``task-retried`` that followed; None where none did (yet).
    """

    number: int
    began: Event
    started: Event | None = None
    entered: Event | None = None
    left: Event | None = None
    ended: Event | None = None

    @property
    def pid(self) -> int | None:
        """The process that ran it, where the record says."""
        pids = (event.get("pid") for event in (self.entered, self.started) if event is not None)
        return next((int(pid) for pid in pids if pid is not None), None)

    @property
    def worker(self) -> str | None:
        """The worker that ran it, where the record says."""
        return None if self.started is None else self.started.get("worker")


@dataclass(frozen=True, slots=True)
class Retrial:
    """One retry, counted from 1: from ``task-retried`` to the start of the next attempt.

    `scheduled_s` is the delay that Celery was asked for, `observed_s` the delay that there was;
    None where the record has none.
    """

    number: int
    retried: Event
    again: Attempt | None = None

    @property
    def scheduled_s(self) -> float | None:
        """``countdown_s``, else ``eta_s`` less the moment of the retry."""
        if self.retried.get("countdown_s") is not None:
            return float(self.retried.get("countdown_s"))
        if self.retried.get("eta_s") is not None:
            return float(self.retried.get("eta_s")) - self.retried.at_s
        return None

    @property
    def observed_s(self) -> float | None:
        """Seconds until the task was started again."""
        return None if self.again is None else self.again.began.at_s - self.retried.at_s


@dataclass(frozen=True, slots=True)
class Life:
    """Everything that happened to one task id, in order; `sent` is None where no publish was seen."""

    task_id: str
    task: str
    events: tuple[Event, ...]
    sent: Event | None
    attempts: tuple[Attempt, ...]
    retries: tuple[Retrial, ...]

    @property
    def experiment(self) -> str | None:
        """The experiment that sent it; None for what the app itself sent."""
        return None if self.sent is None else self.sent.get("experiment")

    @property
    def numbers(self) -> tuple[int, ...]:
        """The attempts that were made, redeliveries not counted: (0, 1, 2) for two retries."""
        return tuple(sorted({attempt.number for attempt in self.attempts}))

    @property
    def runs(self) -> tuple[Event, ...]:
        """One event a run: the body's beginning, or the start where the body was never seen."""
        bodies = self.of("body-entered")
        return bodies or self.of("task-started")

    @property
    def ends(self) -> tuple[Event, ...]:
        """All terminal events; a rejection that puts the message back is none."""
        return tuple(e for e in self.events if e.kind in ENDS and not e.get("requeue"))

    @property
    def end(self) -> Event | None:
        """The last terminal event, or what stands for it where Celery reports nothing.

        That is ``task-internal-error`` (`celery/app/trace.py:report_internal_error`), a message
        rejected for good, and a body left with `Ignore` (`celery/worker/request.py:on_failure`).
        """
        if self.ends:
            return self.ends[-1]
        for event in reversed(self.events):
            if event.kind == "task-internal-error":
                return event
            if event.kind == "message-rejected" and not event.get("requeue"):
                return event
            if event.kind == "body-left" and event.get("error_type") == "Ignore":
                return event
        return None

    @property
    def outcome(self) -> Outcome | None:
        """How the task ended; None where it has not."""
        end = self.end
        if end is None:
            return None
        if end.kind in ENDS:
            return ENDS[end.kind]
        other: dict[str, Outcome] = {"message-rejected": "rejected", "body-left": "ignored"}
        return other.get(end.kind, "failed")

    @property
    def ended_at_s(self) -> float | None:
        """When the task ended."""
        return None if self.end is None else self.end.at_s

    @property
    def dead_letters(self) -> tuple[Event, ...]:
        """Where its dead letter was found, and what was in it."""
        return self.of("dead-lettered")

    @property
    def error_type(self) -> str:
        """The last error that the task is known to have met; "" where it met none."""
        errors = [e.get("error_type") for e in self.of("task-failed", "task-retried", "body-left")]
        return next((str(e) for e in reversed(errors) if e not in (None, "Retry", "NoneType")), "")

    @property
    def story(self) -> tuple[Event, ...]:
        """The events that a verdict cites: publish, failure ordered, starts, retries, ends, dead letters."""
        kinds = {"task-retried", "fault-injected", "dead-lettered"} | set(ENDS)
        begun = [self.sent, self.end, *(attempt.began for attempt in self.attempts)]
        return tuple(e for e in self.events if e.kind in kinds or any(e is other for other in begun))

    def of(self, *kinds: str) -> tuple[Event, ...]:
        """Its events of these kinds."""
        return tuple(event for event in self.events if event.kind in kinds)


def lives(history: History, experiment: str | None = None) -> dict[str, Life]:
    """Every task id of the run, or of one experiment (`name` or `name/...`), in order of appearance."""
    key = ("lives", experiment)
    if key not in history.memo:
        history.memo[key] = _lives(history, experiment)
    return dict(history.memo[key])


def _lives(history: History, experiment: str | None) -> dict[str, Life]:
    if experiment is not None:
        everyone = lives(history)
        wanted = {event.task_id for event in history.workload(experiment)}
        return {task_id: life for task_id, life in everyone.items() if task_id in wanted}
    by_id: dict[str, list[Event]] = {}
    for event in history.events:
        if event.task_id is not None:
            by_id.setdefault(event.task_id, []).append(event)
    return {task_id: _life(task_id, events) for task_id, events in by_id.items()}


def lives_of(contract: Contract, tier: Tier, history: History) -> dict[str, Life]:
    """The lives of a tier's tasks, whoever sent them."""
    return {
        task_id: life
        for task_id, life in lives(history).items()
        if (found := contract.tier_of(life.task)) is not None and found.name == tier.name
    }


def end_s(history: History) -> float:
    """When the record ends: nothing is known of what came later."""
    return history.events[-1].at_s if history.events else 0.0


def _life(task_id: str, events: Sequence[Event]) -> Life:
    attempts = _attempts(events)
    return Life(
        task_id=task_id,
        task=next((event.task for event in events if event.task), ""),
        events=tuple(events),
        sent=next((e for e in events if e.kind == "task-sent" and not e.get("retries")), None),
        attempts=attempts,
        retries=tuple(_retrials(events, attempts)),
    )


@dataclass(slots=True)
class _Open:
    """An attempt while its events are gathered."""

    number: int
    began: Event
    seen: dict[str, Event] = field(default_factory=dict)


_PLACES = {"task-started": "started", "body-entered": "entered"}


def _attempts(events: Sequence[Event]) -> tuple[Attempt, ...]:
    gathered: list[_Open] = []
    for event in events:
        if event.kind in ("task-started", "body-entered"):
            place, number = _PLACES[event.kind], int(event.get("retries") or 0)
            last = gathered[-1] if gathered else None
            if last is None or last.number != number or place in last.seen or "ended" in last.seen:
                gathered.append(last := _Open(number, event))
            last.seen[place] = event
        elif event.kind == "body-left" and gathered:
            _whose(gathered, event, "left").seen.setdefault("left", event)
        elif gathered and (event.kind == "task-retried" or event.kind in ENDS):
            _whose(gathered, event, "ended").seen.setdefault("ended", event)
    return tuple(Attempt(number=one.number, began=one.began, **one.seen) for one in gathered)


def _whose(gathered: Sequence[_Open], event: Event, place: str) -> _Open:
    """The attempt that an event ends: of the same process where known, open, and the newest such."""
    candidates = [one for one in gathered if place not in one.seen]
    if event.get("retries") is not None:
        candidates = [one for one in candidates if one.number == event.get("retries")] or candidates
    if event.get("pid") is not None:
        same = [one for one in candidates if any(e.get("pid") == event.get("pid") for e in one.seen.values())]
        candidates = same or candidates
    return candidates[-1] if candidates else gathered[-1]


def _retrials(events: Sequence[Event], attempts: Sequence[Attempt]) -> Iterable[Retrial]:
    for event in events:
        if event.kind == "task-retried":
            number = int(event.get("retries") or 0) + 1
            later = (a for a in attempts if a.number == number and a.began.at_s >= event.at_s)
            yield Retrial(number, event, next(later, None))
