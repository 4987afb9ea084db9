"""No key of a contract is read and then dropped: each changes what is promised, sent or started."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, fields, is_dataclass, replace
from typing import Any

import pytest

from harness import experiments
from harness.checker import WHOLE_APP
from harness.contract import (
    Alert,
    Contract,
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
)
from harness.contract_schema import keys_of
from harness.workload import Send

TIER = Tier(
    "critical", ("payroll.*",), "critical", urgency=9, events=True, structured_logs=True,
    retry=Retry(("mail",), ("programming",), 5, Delay(base_s=30, cap_s=300, jitter="bounded")),
    dead_letter=DeadLetter("table:dead"), alert=Alert(("ops@example.com",)),
    deduplication=Deduplication(7200.0), effect=Effect(),
    result=Result(3600.0, 7200.0, "gzip", 1000, "json"), limits=Limits(600.0, 540.0, "120/m"),
    loss=Loss(3, 4000.0), members=("payroll.pay",),
)  # fmt: skip
LOW = Tier("low", ("*",), urgency=1, members=("core.clean",))
OTHERS: dict[str, Any] = {
    "tasks": ("core.*",), "queue": "other", "urgency": 5, "events": False, "structured_logs": False,
    "quiet": True,
    "retry.on": ("mail", "database"), "retry.not_on": (), "retry.max_retries": 4,
    "retry.delay.shape": "linear", "retry.delay.base_s": 20.0, "retry.delay.factor": 3.0,
    "retry.delay.cap_s": 100.0, "retry.delay.jitter": "full", "retry.delay.spread": 0.2,
    "dead_letter.to": "queue:dead", "dead_letter.carries": ("name",), "dead_letter.within_s": 7.0,
    "dead_letter.also": ("expired",),
    "alert.to": ("dev@example.com",), "alert.within_s": 7.0,
    "deduplication.lock_s": 60.0, "deduplication.release": "on_expiry",
    "effect.counted": "mail", "effect.at_most": 2, "effect.at_least": 1,
    "result.expires_s": 60.0, "result.failure_expires_s": 60.0, "result.compression": "bzip2",
    "result.compression_from_bytes": 50, "result.serializer": "pickle",
    "limits.hard_s": 700.0, "limits.soft_s": 500.0, "limits.rate": "10/s", "limits.rate_scope": "worker",
    "loss.redelivered_at_most": 1, "loss.within_s": 60.0,
}  # fmt: skip
"""Another value for every key of a tier."""


def keys(kind: type, table: Any, prefix: str = "") -> Iterator[str]:
    """The dotted names of all keys of a table, those of the tables in it among them."""
    for name in keys_of(kind):
        inner = getattr(table, name)
        if is_dataclass(inner):
            yield from keys(type(inner), inner, f"{prefix}{name}.")
        else:
            yield prefix + name


def changed(table: Any, path: str, value: Any) -> Any:
    """The table with another value at a dotted name."""
    name, _, rest = path.partition(".")
    return replace(table, **{name: changed(getattr(table, name), rest, value) if rest else value})


def promised(tier: Tier) -> list[Any]:
    """All that is promised of a tier, and all that is done to put it to the test."""
    contract = Contract((tier, LOW))
    found: list[Any] = [contract.tier_of("payroll.pay")]
    found = [None if found[0] is None else found[0].name]
    for checker in experiments.checkers():
        subject = WHOLE_APP if checker.scope == "app" else tier
        said = checker.promise(subject)
        found.append(
            (checker.name, said, said and [asdict(e) for e in checker.experiments(contract, subject)])
        )
    return found


def test_every_key_of_a_tier_is_tried() -> None:
    assert set(keys(Tier, TIER)) == set(OTHERS)


@pytest.mark.parametrize("key", OTHERS)
def test_another_value_makes_another_promise(key: str) -> None:
    assert promised(changed(TIER, key, OTHERS[key])) != promised(TIER)


@pytest.mark.parametrize(
    "table", [f.name for f in fields(Tier) if f.name not in ("name", "tasks", "members")]
)
def test_whoever_promises_less_is_judged_by_less(table: str) -> None:
    usual: Any = next(field.default for field in fields(Tier) if field.name == table)
    full = replace(TIER, alert=None, quiet=True) if table == "quiet" else TIER
    more = {name for name, said, _ in promised(full)[1:] if said}
    less = {name for name, said, _ in promised(replace(full, **{table: usual}))[1:] if said}
    assert less < more


@pytest.mark.parametrize(
    ("key", "value"), [("args", (2, 7)), ("kwargs", {"day": 1}), ("vary", 1), ("body", "stub")]
)
def test_every_key_of_a_sample_changes_what_is_sent(key: str, value: Any) -> None:
    sample, send = Sample(args=(1, 5), vary=0), Send("payroll.pay")
    other = replace(sample, **{key: value})
    before = experiments.arguments_of(send, sample, 1), experiments.body_of(send, sample)
    assert (experiments.arguments_of(send, other, 1), experiments.body_of(send, other)) != before
    assert key in keys_of(Sample)
