"""An app as operators see it, made by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from harness import discovery
from harness.contract import Contract, Deduplication, Tier, WorkerLayout
from harness.mutation import Mutant, Target

PAY = "shop.pay"
OWN = "decorator of shop.pay in shop.py:7"
PLAIN = "Celery's default"


def target(
    conf: Mapping[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
    described: Mapping[str, Any] | None = None,
    *,
    queues: Mapping[str, Any] | None = None,
    signals: Mapping[str, Any] | None = None,
    workers: tuple[WorkerLayout, ...] = (),
    locked: bool = False,
    **more: Any,
) -> Target:
    """One task with these options of its own, in an app with these settings."""
    task = {name: {"value": value, "origin": OWN} for name, value in (options or {}).items()}
    snapshot = {
        "conf": {
            name: {"value": value, "origin": f"{name} in shop.py"} for name, value in (conf or {}).items()
        },
        "default_queue": "celery",
        "queues": queues or {},
        "signals": signals or {},
        "tasks": {PAY: {"queue": "sales", **task, **(described or {})}},
    }
    lock = Deduplication() if locked else None
    contract = Contract((Tier("sales", ("shop.*",), members=(PAY,), deduplication=lock),), workers)
    return Target(snapshot, contract, **more)


def mutants(name: str, of: Target) -> list[Mutant]:
    """What one operator makes of an app."""
    operator = discovery.find("mutations", name)()
    found: Iterable[Mutant] = operator.mutants(of)
    return list(found)


def told(name: str, of: Target) -> list[tuple[str, Any, Any]]:
    """Name, value before and value after of each mutant."""
    return [(each.name, each.before, each.after) for each in mutants(name, of)]
