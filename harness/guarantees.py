"""What a run showed an app to guarantee, so that two revisions can be compared: normalised, never a raw time.

Promises come from the contract, outcomes from the verdicts, facts from what single tasks did in experiments:

======================== ==================== ==========================================================
fact of a task           experiment           value
======================== ==================== ==========================================================
``queue``                ``steady``           where it is published to
``priority``             ``steady``           the number that its messages carry; absent without one
``attempts.CLASS``       ``retry_cap``        runs of a task that always fails with this class of failure
``delays``               ``retry_cap``        for each retry its promised envelope, or ``over 30 s``
``retried.CLASS``        ``retried_failures`` whether one failure of this class is tried again
``dead_letter``          ``dead_letter``      where the letter of a failed task lies
``exhausted``            ``retry_cap``        where the letter of a task lies that used up its retries
``loss``                 ``loss_recovered``   what becomes of a task whose worker is killed
``poison``               ``poison_braked``    what becomes of a task that kills its child
``limits.soft_s``        ``time_limits``      after how many seconds a run is interrupted, or killed
``result.STATUS``        ``result_expiry``    seconds for which its result is kept
======================== ==================== ==========================================================

The same app gives the same guarantees: seeds, jitter and load do not show in them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any

from harness.contract import Contract, Delay, Tier
from harness.history import History
from harness.lives import Life, lives
from harness.verdict import Verdict

LATE_S, LATE_SHARE = 2.0, 0.02
"""How much later than its envelope a retry may start: a worker looks at its timers in steps."""
FAMILIES = {
    "queue": "steady", "priority": "steady", "attempts": "retry_cap", "delays": "retry_cap",
    "retried": "retried_failures", "dead_letter": "dead_letter", "exhausted": "retry_cap",
    "loss": "loss_recovered", "poison": "poison_braked", "limits": "time_limits", "result": "result_expiry",
}  # fmt: skip
"""The experiments that a fact comes from, by the first word of its name."""


@dataclass(frozen=True, slots=True)
class Guarantees:
    """What was promised, what came of it, and what was seen of each task."""

    app: str
    promises: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By tier, then by path in the contract: ``retry.max_retries``."""
    outcomes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """By tier, then by guarantee: ``kept``, ``broken`` or ``unknown``."""
    facts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By task, then by name."""
    tiers: Mapping[str, str] = field(default_factory=dict)
    """The tier of each task."""
    families: frozenset[str] = frozenset()
    """The experiments that ran, with their tier (``retry_cap/critical``); empty stands for all."""
    focus: frozenset[str] = frozenset()
    """Tasks that were sent where another one stands for their tier otherwise (`Contract.focus`)."""


def merged(first: Guarantees, later: Guarantees) -> Guarantees:
    """What the later of two runs of one revision says, and what only the first one says."""
    outcomes = {
        tier: {**first.outcomes.get(tier, {}), **later.outcomes.get(tier, {})}
        for tier in {**first.outcomes, **later.outcomes}
    }
    facts = {
        task: {**first.facts.get(task, {}), **later.facts.get(task, {})}
        for task in {**first.facts, **later.facts}
    }
    return replace(
        later, outcomes=outcomes, facts=facts, families=first.families | later.families,
        focus=first.focus | later.focus,
    )  # fmt: skip


def observe(contract: Contract, history: History, verdicts: Iterable[Verdict]) -> Guarantees:
    """What a run showed; `contract` is resolved, so that its tiers know their members."""
    outcomes: dict[str, dict[str, str]] = {}
    for verdict in verdicts:
        outcomes.setdefault(verdict.tier, {})[verdict.guarantee] = verdict.outcome.value
    members = {task: tier for tier in reversed(contract.tiers) for task in tier.members}
    began = {
        f"{str(event.get('experiment')).partition('/')[0]}/{event.get('tier')}"
        for event in history.of("experiment-began")
    }
    return Guarantees(
        app=history.header.app,
        promises={tier.name: promises_of(tier) for tier in contract.tiers},
        outcomes={tier: dict(sorted(found.items())) for tier, found in sorted(outcomes.items())},
        facts={task: dict(_facts(task, members[task], history)) for task in sorted(members)},
        tiers={task: members[task].name for task in sorted(members)},
        families=frozenset(began),
        focus=frozenset(contract.focus),
    )


def promises_of(tier: Tier) -> dict[str, Any]:
    """What a tier promises, flat: ``{"retry.max_retries": 5, ...}``; what is not promised is not there."""
    return dict(_flat("", tier))


def _flat(prefix: str, table: Any) -> Iterator[tuple[str, Any]]:
    for each in fields(table):
        value = getattr(table, each.name)
        if each.name in ("name", "members") or value in (None, (), False):
            continue
        if is_dataclass(value):
            yield from _flat(f"{prefix}{each.name}.", value)
        else:
            yield f"{prefix}{each.name}", list(value) if isinstance(value, tuple) else value


def _facts(task: str, tier: Tier, history: History) -> Iterator[tuple[str, Any]]:
    """Everything that is known of one task, in order of name."""
    mine = {family: _mine(history, family, task) for family in dict.fromkeys(FAMILIES.values())}
    found = [
        *_steady(mine["steady"]),
        *_by_class("attempts", mine["retry_cap"], _attempts),
        *_by_class("retried", mine["retried_failures"], _retried),
        *_letters("dead_letter", mine["dead_letter"]),
        *_letters("exhausted", mine["retry_cap"]),
        *_delays(mine["retry_cap"], tier),
        *_said("loss", mine["loss_recovered"], _loss),
        *_said("poison", mine["poison_braked"], lambda life: _poison(life, tier)),
        *_limits(mine["time_limits"], tier),
        *_results(mine["result_expiry"], tier),
    ]
    return iter(sorted(found))


def _mine(history: History, family: str, task: str) -> list[Life]:
    return [life for life in lives(history, family).values() if life.task == task]


def _steady(found: Sequence[Life]) -> Iterator[tuple[str, Any]]:
    sent = [life.sent for life in found if life.sent is not None]
    if sent:
        yield "queue", one_of(str(event.get("queue")) for event in sent)
    priorities = {event.get("priority") for event in sent} - {None}
    if priorities:
        yield "priority", one_of(priorities)


def one_of(values: Iterable[Any]) -> Any:
    """The one value that all agree on, else all of them as a text."""
    distinct = sorted(set(values), key=str)
    return distinct[0] if len(distinct) == 1 else " or ".join(str(value) for value in distinct)


def _by_class(name: str, found: Sequence[Life], say: Any) -> Iterator[tuple[str, Any]]:
    classes: dict[str, list[Life]] = {}
    for life in found:
        raised = (life.sent.get("body") or {}).get("raises") if life.sent is not None else None
        if raised:
            classes.setdefault(str(raised), []).append(life)
    for raised, members in classes.items():
        yield f"{name}.{raised}", one_of(say(life) for life in members)


def _attempts(life: Life) -> Any:
    if not life.attempts:
        return "never started"
    return len(life.numbers) if life.end is not None else "no end"


def _retried(life: Life) -> str:
    if not life.attempts:
        return "never started"
    return "tried again" if len(life.numbers) > 1 else "not tried again"


def _letters(name: str, found: Sequence[Life]) -> Iterator[tuple[str, Any]]:
    failed = [life for life in found if life.outcome == "failed"]
    if failed:
        places = [sorted({str(e.get("destination")) for e in life.dead_letters}) for life in failed]
        yield name, one_of(" and ".join(each) or "none" for each in places)


def _delays(found: Sequence[Life], tier: Tier) -> Iterator[tuple[str, Any]]:
    delay = tier.retry.delay if tier.retry is not None else None
    observed: dict[int, list[float]] = {}
    for life in found:
        for retry in life.retries:
            if retry.observed_s is not None:
                observed.setdefault(retry.number, []).append(retry.observed_s)
    if observed and delay is not None:
        yield "delays", [_delay(delay, number, observed[number]) for number in sorted(observed)]


def _delay(delay: Delay, number: int, observed: Sequence[float]) -> str:
    low_s, high_s = delay.envelope_s(number)
    if min(observed) < low_s - LATE_S:
        return f"under {low_s:g} s"
    if max(observed) > high_s * (1 + LATE_SHARE) + LATE_S:
        return f"over {high_s:g} s"
    return f"{low_s:g} to {high_s:g} s"


def _said(name: str, found: Sequence[Life], say: Any) -> Iterator[tuple[str, Any]]:
    if found:
        yield name, one_of(say(life) for life in found)


def _loss(life: Life) -> str:
    if not life.runs:
        return "never started"
    if len(life.runs) == 1:
        return "ends at once" if life.outcome == "succeeded" else "lost"
    return "runs again" if life.outcome == "succeeded" else f"runs again, {life.outcome or 'no end'}"


def _poison(life: Life, tier: Tier) -> str:
    if not life.runs:
        return "never started"
    limit = tier.loss.redelivered_at_most if tier.loss is not None else None
    if life.outcome == "succeeded" or life.end is None or (limit is not None and len(life.runs) > limit):
        return "not braked"
    return f"{life.outcome} after {len(life.runs)} runs"


def _limits(found: Sequence[Life], tier: Tier) -> Iterator[tuple[str, Any]]:
    limits = tier.limits
    known = [each for each in (limits.soft_s, limits.hard_s) if each] if limits is not None else []
    for life in found:
        ignores = bool((life.sent.get("body") or {}).get("ignores_soft")) if life.sent is not None else False
        if not life.attempts:
            continue
        name = "limits.hard_s" if ignores else "limits.soft_s"
        end = life.ends[0] if life.ends else life.end
        if end is not None:
            limited = end.get("error_type") in ("SoftTimeLimitExceeded", "TimeLimitExceeded")
            yield name, nearest(end.at_s - life.attempts[0].began.at_s, known) if limited else "none"


def _results(found: Sequence[Life], tier: Tier) -> Iterator[tuple[str, Any]]:
    result = tier.result
    promised = (result.expires_s, result.failure_expires_s) if result is not None else ()
    known = [each for each in promised if each]
    kept: dict[str, list[float | None]] = {}
    for life in found:
        for event in life.of("result-stored"):
            if event.get("status") in ("SUCCESS", "FAILURE"):
                kept.setdefault(str(event.get("status")).lower(), []).append(event.get("ttl_s"))
    for status, lasted in kept.items():
        yield (
            f"result.{status}",
            one_of("for ever" if each is None else nearest(each, known) for each in lasted),
        )


def nearest(seconds: float, known: Iterable[float]) -> float:
    """The known number of seconds that this is within five seconds and 1 %, else two significant digits."""
    for each in known:
        if abs(seconds - each) <= 5 + 0.01 * each:
            return each
    return float(f"{seconds:.2g}")
