"""Which experiments a contract needs, with which arguments, and which of them can run side by side."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import date, timedelta
from typing import Any

from harness import discovery
from harness.checker import WHOLE_APP, Checker
from harness.contract import Contract, Sample, Tier
from harness.workload import Body, Experiment, Send

STEADY = "no_lost_task"
"""The checker whose experiments are the steady state: every task once, without faults."""
PHASES = ("crash", "main", "limits")


def checkers(only: Iterable[str] = ()) -> list[Checker]:
    """All checkers, or those asked for by name."""
    wanted = tuple(only) or discovery.names("checkers")
    return [discovery.find("checkers", name)() for name in wanted]


def needed(contract: Contract, judges: Iterable[Checker], tiers: Sequence[str] = ()) -> list[Experiment]:
    """Every experiment that puts a promise to the test; equal names once, in order of phase and name.

    The steady state without faults is always among them: many checkers judge just that.
    """
    found: dict[str, Experiment] = {}
    steady: Checker = discovery.find("checkers", STEADY)()
    for checker in (*judges, steady):
        for tier in (WHOLE_APP,) if checker.scope == "app" else contract.tiers:
            if tiers and tier is not WHOLE_APP and tier.name not in tiers:
                continue
            if checker.promise(tier) is None:
                continue
            for experiment in checker.experiments(contract, tier):
                if checker is not steady or experiment.name.startswith("steady/"):
                    found.setdefault(experiment.name, experiment)
    return sorted(found.values(), key=lambda each: (PHASES.index(each.phase), each.name))


def batches(contract: Contract, experiments: Iterable[Experiment]) -> list[list[Experiment]]:
    """Groups that can run at once: in ``main`` all of them, else those that touch no worker in common."""
    groups: list[list[Experiment]] = []
    touched: list[set[str]] = []
    for experiment in experiments:
        workers = touches(contract, experiment)
        for group, taken in zip(groups, touched, strict=True):
            if group[0].phase == experiment.phase and (experiment.phase == "main" or not taken & workers):
                group.append(experiment)
                taken.update(workers)
                break
        else:
            groups.append([experiment])
            touched.append(set(workers))
    return groups


def touches(contract: Contract, experiment: Experiment) -> set[str]:
    """The workers that an experiment sends to or strikes, by layout name; all where it does not say."""
    queues: set[str | None] = set()
    for send in experiment.sends:
        tier = contract.tier_of(send.task)
        queues.add(tier.queue if tier is not None else None)
    for strike in experiment.strikes:
        queue, more = strike.settings.get("queue"), strike.settings.get("queues") or ()
        hits_workers = strike.fault.partition("_")[0] in ("worker", "child", "broker")
        queues.update([queue, *more] if queue else more or ([None] if hits_workers else ()))
    everybody = None in queues
    return {w.name for w in contract.workers if everybody or not w.queues or queues & set(w.queues)} or {
        "all"
    }


def body_of(send: Send, sample: Sample | None) -> dict[str, Any]:
    """The order for a send's body: a stub where the contract has no example arguments for the task."""
    body = asdict(send.body)
    if sample is None or sample.body == "stub":
        body["stub"] = True
    blank = asdict(Body())
    return {name: value for name, value in body.items() if value != blank[name] or name == "failing_attempts"}


def arguments_of(send: Send, sample: Sample | None, copy: int) -> tuple[list[Any] | None, dict[str, Any]]:
    """Positional and keyword arguments; the `copy`-th differs from all others where the sample says how."""
    if send.args is not None or send.kwargs is not None:
        return list(send.args or ()), dict(send.kwargs or {})
    if sample is None:
        return None, {}
    args, kwargs = list(sample.args), dict(sample.kwargs)
    if isinstance(sample.vary, int) and sample.vary < len(args):
        args[sample.vary] = varied(args[sample.vary], copy)
    elif isinstance(sample.vary, str) and sample.vary in kwargs:
        kwargs[sample.vary] = varied(kwargs[sample.vary], copy)
    return args, kwargs


def varied(value: Any, copy: int) -> Any:
    """The `copy`-th value after this one: a later number, month or day, or another text."""
    if copy == 0 or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return value + copy
    text = str(value)
    if match := re.fullmatch(r"(\d{4})-(\d{2})", text):
        months = int(match[1]) * 12 + int(match[2]) - 1 + copy
        return f"{months // 12:04}-{months % 12 + 1:02}"
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        return (date.fromisoformat(text) + timedelta(days=copy)).isoformat()
    return f"{text}-{copy}"


def tiers_of(contract: Contract, checker: Checker, tiers: Sequence[str]) -> Iterable[Tier]:
    """The tiers that a checker is asked about."""
    if checker.scope == "app":
        return (WHOLE_APP,)
    return [tier for tier in contract.tiers if not tiers or tier.name in tiers]


def label(experiments: Iterable[Experiment]) -> Mapping[str, Experiment]:
    """Experiments by name."""
    return {experiment.name: experiment for experiment in experiments}
