"""What a contract can promise: the limits of each number and word, beyond its type."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

from harness.contract import (
    CARRIES,
    FAILURE_CLASSES,
    UNRUN,
    Alert,
    DeadLetter,
    Deduplication,
    Delay,
    Effect,
    Limits,
    Loss,
    Result,
    Retry,
    Sample,
    Tier,
    WorkerLayout,
)

LONGEST_S = 315_360_000.0
"""Ten years: no promise in seconds is longer, except a cap that is none (`inf`)."""

HIGHEST_COUNT = 2**31 - 1

WORDS: dict[tuple[type, str], tuple[str, ...]] = {
    (Retry, "on"): FAILURE_CLASSES,
    (Retry, "not_on"): FAILURE_CLASSES,
    (DeadLetter, "carries"): CARRIES,
    (DeadLetter, "also"): UNRUN,
}
"""Choices that a type does not tell: each item of the field is one of these."""

POOLS = ("prefork", "solo", "threads", "gevent", "eventlet", "processes")
"""The pools that Celery has a name for (celery/concurrency/__init__.py); others are ``module:Class``."""

_RATE = re.compile(r"[0-9]+(\.[0-9]+)?(/[smh])?")
_PLACE = re.compile(r"(table|queue|task|redis):\S.*")
_EFFECT = re.compile(r"body|(mail|file)(:.+)?|row:\w+(\.\w+)+")


@dataclass(frozen=True, slots=True)
class Rule:
    """`holds` for a whole table, or `fact` and `remedy` are said of its `key`; they may hold ``{value}``.

    Without a key they are said of the table itself.
    """

    key: str
    holds: Callable[[Any], bool]
    fact: str
    remedy: str = ""


def _above_zero(*keys: str) -> tuple[Rule, ...]:
    def test(key: str) -> Callable[[Any], bool]:
        return lambda table: getattr(table, key) is None or getattr(table, key) > 0

    return tuple(Rule(key, test(key), "must be more than 0, got {value}.") for key in keys)


def _filled(*keys: str) -> tuple[Rule, ...]:
    def test(key: str) -> Callable[[Any], bool]:
        return lambda table: getattr(table, key) is None or bool(getattr(table, key))

    return tuple(Rule(key, test(key), "must not be empty.") for key in keys)


def _only_with(key: str, kind: type, needs: Callable[[Any], bool], fact: str) -> Rule:
    """A key that nothing would judge is refused, not dropped; its default says nothing."""
    usual = next(field.default for field in fields(kind) if field.name == key)
    return Rule(key, lambda table: needs(table) or getattr(table, key) == usual, fact)


def _promises(*keys: str) -> Rule:
    """A table without any of its promises looks like one and is none."""
    return Rule(
        "",
        lambda table: any(getattr(table, key) not in (None, ()) for key in keys),
        "the table promises nothing.",
        f"Name one of: {', '.join(keys)}.",
    )


RULES: dict[type, tuple[Rule, ...]] = {
    Tier: (
        Rule("tasks", lambda t: bool(t.tasks), "selects no task.", 'Name some: tasks = ["app.tasks.*"].'),
        *_filled("queue"),
        Rule(
            "quiet",
            lambda t: not t.quiet or t.alert is None,
            "contradicts the tier's alert.",
            "A failure is announced or it is not.",
        ),
        Rule("urgency", lambda t: (t.urgency or 0) <= 255, "must be from 0 to 255, got {value}."),
    ),
    Retry: (
        _promises("on", "not_on", "max_retries", "delay"),
        Rule(
            "not_on",
            lambda r: not set(r.on) & set(r.not_on),
            "names a failure class that 'on' names too.",
            "A failure is retried or it is not.",
        ),
    ),
    Delay: (
        Rule("base_s", lambda d: math.isfinite(d.base_s), "must be a finite number of seconds."),
        Rule("cap_s", lambda d: d.cap_s >= d.base_s, "must not be below base_s, got {value}."),
        Rule(
            "factor",
            lambda d: d.shape != "exponential" or d.factor >= 1,
            "must be at least 1 for an exponential delay, got {value}.",
        ),
        Rule("factor", lambda d: 0 <= d.factor <= LONGEST_S, "must not be negative or endless, got {value}."),
        Rule("spread", lambda d: 0 <= d.spread <= 1, "must be from 0 to 1, got {value}."),
        _only_with("spread", Delay, lambda d: d.jitter == "bounded", "is said of bounded jitter alone."),
        _only_with("factor", Delay, lambda d: d.shape != "fixed", "says nothing of a fixed delay."),
    ),
    DeadLetter: (
        Rule(
            "to",
            lambda d: bool(_PLACE.fullmatch(d.to)),
            "{value} is no destination.",
            "Valid: table:NAME, queue:NAME, task:NAME, redis:KEY-PATTERN.",
        ),
        *_above_zero("within_s"),
    ),
    Alert: (
        Rule(
            "to", lambda a: bool(a.to), "names nobody.", 'Name who gets the mail: to = ["ops@example.com"].'
        ),
        *_above_zero("within_s"),
    ),
    Deduplication: (
        *_above_zero("lock_s"),
        Rule(
            "lock_s",
            lambda d: d.release != "on_expiry" or d.lock_s is not None,
            "is missing.",
            'A lock that is released "on_expiry" needs it.',
        ),
    ),
    Effect: (
        Rule(
            "counted",
            lambda e: bool(_EFFECT.fullmatch(e.counted)),
            "{value} cannot be counted.",
            "Valid: body, mail, mail:TO, file, file:PATH, row:app.Model.",
        ),
        *_above_zero("at_most"),
        Rule("at_least", lambda e: 0 <= e.at_least <= e.at_most, "must be from 0 to at_most, got {value}."),
    ),
    Result: (
        _promises("expires_s", "failure_expires_s", "compression", "serializer"),
        _only_with(
            "compression_from_bytes", Result, lambda r: r.compression, "says nothing without compression."
        ),
        *_above_zero("expires_s", "failure_expires_s"),
        *_filled("compression", "serializer"),
    ),
    Limits: (
        _promises("hard_s", "soft_s", "rate"),
        _only_with("rate_scope", Limits, lambda limits: limits.rate, "says nothing without a rate."),
        *_above_zero("hard_s", "soft_s"),
        Rule(
            "soft_s",
            lambda limits: None in (limits.soft_s, limits.hard_s) or limits.soft_s < limits.hard_s,
            "must be below hard_s, got {value}.",
            "The hard limit would strike first.",
        ),
        Rule(
            "rate",
            lambda limits: limits.rate is None or bool(_RATE.fullmatch(limits.rate)),
            "{value} is no rate.",
            "Valid: a number and /s, /m or /h, as '120/m'; Celery knows no other unit.",
        ),
        Rule(
            "rate",
            lambda limits: limits.rate_per_s is None or limits.rate_per_s > 0,
            "must be more than 0, got {value}.",
            "Leave it out where no rate is promised; Celery reads 0 as no limit.",
        ),
    ),
    Loss: (
        _promises("redelivered_at_most", "within_s"),
        *_above_zero("redelivered_at_most", "within_s"),
    ),
    WorkerLayout: (
        *_above_zero("concurrency", "replicas"),
        Rule(
            "pool",
            lambda w: w.pool in POOLS or ":" in w.pool or "." in w.pool,
            "unknown choice {value}.",
            f"Valid: {', '.join(POOLS)}, or module:Class.",
        ),
    ),
    Sample: (
        Rule(
            "vary",
            lambda s: not isinstance(s.vary, int) or s.vary < len(s.args),
            "there is no positional argument {value} in args.",
            "They are counted from 0; a name stands for a keyword argument.",
        ),
        Rule(
            "vary",
            lambda s: not isinstance(s.vary, str) or s.vary in s.kwargs,
            "there is no keyword argument {value} in kwargs.",
            "A positional argument is named by its number, counted from 0.",
        ),
    ),
}
