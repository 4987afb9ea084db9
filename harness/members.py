"""The tasks of a tier as experiments send them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Any

from harness.contract import Contract, Sample, Tier
from harness.workload import Body, Send

STUB = Sample(body="stub")
"""What a task without a sample gets: no arguments are known with which its own code would work."""


def usual_member(contract: Contract, tier: Tier) -> str | None:
    """The tier's first task with a sample, else its first task; None where the tier has no task."""
    sampled = [name for name in tier.members if name in contract.samples]
    return next(iter((*sampled, *tier.members)), None)


PLACES = frozenset({"module", "file", "line", "queue_origin", "bound"})
"""What differs between any two tasks, and no guarantee depends on."""


def unlike(contract: Contract, tier: Tier, settings: Mapping[str, Any]) -> dict[str, list[str]]:
    """The tier's tasks that are configured unlike the one that stands for it, and in what they differ.

    `settings` is the snapshot that `harness.settings` describes.
    """
    known = settings.get("tasks") or {}
    usual = _plain(known.get(usual_member(contract, tier) or "", {}))
    differing = {
        task: [name for name in sorted({*usual, *own}) if usual.get(name) != own.get(name)]
        for task in tier.members
        if task in known
        for own in [_plain(known[task])]
    }
    return {task: names for task, names in differing.items() if names}


def rounds(contract: Contract, settings: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Which tasks stand for their tiers, run after run, until each that is unlike the usual one has."""
    others = [unlike(contract, tier, settings) for tier in contract.tiers]
    return [tuple(task for task in tasks if task) for tasks in zip_longest(*others)]


def _plain(options: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: item["value"] if isinstance(item, Mapping) and "value" in item else item
        for name, item in options.items()
        if name not in PLACES and name != "overrides"
    }


def is_real(contract: Contract, task: str) -> bool:
    """Whether experiments run the task's own code: only where the contract has a sample for it."""
    return contract.samples.get(task, STUB).body == "real"


def body(contract: Contract, task: str, **orders: Any) -> Body:
    """The task's own code where there is a sample, else a stub, under these orders (fields of `Body`)."""
    return Body(stub=not is_real(contract, task), **orders)


def send(contract: Contract, task: str, *, count: int = 1, every_s: float = 0.0, **orders: Any) -> Send:
    """One task, `count` times, `every_s` seconds apart, its body under these orders."""
    return Send(task, body(contract, task, **orders), count=count, every_s=every_s)


def sends(contract: Contract, tier: Tier, **orders: Any) -> tuple[Send, ...]:
    """Every member of a tier once, its body under these orders."""
    return tuple(send(contract, task, **orders) for task in tier.members)


def patience_s(delays_s: Sequence[float], *, margin_s: float = 60.0) -> float:
    """How long to wait for an end after these promised delays.

    Never less than Celery takes where none of them is configured: three retries after 180 s each
    (`celery/app/task.py`: `max_retries`, `default_retry_delay`).
    """
    return max(sum(delays_s), 3 * 180.0) + margin_s
