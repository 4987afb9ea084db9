"""One change that all gate reports show: something weaker, accepted, unknown, stronger and neutral."""

from __future__ import annotations

from harness.comparison import Comparison, Finding
from harness.differences import Difference, Kind
from harness.impact import Change, Choice
from harness.verdict import Outcome, Verdict
from tests.reporters.judged import HOSTILE

BROKEN = Verdict(
    "retry_cap", "critical", Outcome.BROKEN, "given up after 5 retries", "3 attempts, promised 6",
    origin="contract.toml:9", blame="max_retries = 2", mend="set max_retries=5",
    reproduce="celery-harness verify -A shop:app --only retry_cap",
)  # fmt: skip
KEPT = Verdict("rate_limit", "low", Outcome.KEPT, "20/m", "20/m")
BEFORE = Verdict("retry_cap", "critical", Outcome.KEPT, "given up after 5 retries", "6 attempts")
STILL = Verdict("routes_match", "app", Outcome.BROKEN, "routes match", "one does not")
WEAKER = Difference(Kind.WEAKENED, "guarantees", "critical", "retry_cap", "kept", "broken")
FACT = Difference(Kind.WEAKENED, "facts", "shop.pay", "attempts.mail", 6, 3)
PROMISE = Difference(Kind.WEAKENED, "promises", "low", "retry.max_retries", 5, 3)
UNKNOWN = Difference(Kind.UNKNOWN, "guarantees", "low", "loss_recovered", "kept", "unknown")
STRONGER = Difference(Kind.STRENGTHENED, "guarantees", "low", "time_limits", "broken", "kept")
NEUTRAL = Difference(Kind.NEUTRAL, "facts", "shop.pay", "queue", "a", "b")


def compared(
    *differences: Difference, accepted: tuple[Difference, ...] = (), rules: bool = False
) -> Comparison:
    """A change with these differences."""
    finding = Finding("CH101", "high", "shop.pay", "acks early", "proj/celery.py:7", "set acks_late")
    return Comparison(
        app="shop:app",
        base="main (0123456789), by its reports/guarantees.lock.toml",
        settings=(
            Change("max_retries", "shop.pay", 5, 2, "proj/tasks.py:3"),
            Change("api_key", "", "old", "new"),
        ),
        choices=(Choice("retry_cap", ("critical",), ("max_retries of shop.pay",)),),
        promised=23,
        differences=differences,
        accepted=frozenset((each.part, each.of, each.name) for each in accepted),
        before=(BEFORE,),
        after=(BROKEN, KEPT, STILL),
        tiers={"shop.pay": "critical"},
        origins={"tiers.low.retry": "contract.toml:20"},
        findings=(finding,) if rules else (),
        lock="reports/guarantees.lock.toml",
        lock_current=False,
        lock_command="celery-harness lock -A shop:app",
    )


ALL = compared(WEAKER, FACT, PROMISE, UNKNOWN, STRONGER, NEUTRAL, accepted=(PROMISE,), rules=True)
NOTHING = Comparison(app="shop:app", base="main (0123456789)", promised=23, lock_current=True)
HOSTILE_CHANGE = compared(Difference(Kind.WEAKENED, "facts", HOSTILE, HOSTILE, HOSTILE, HOSTILE))
