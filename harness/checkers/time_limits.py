"""A run that takes too long is interrupted at the soft limit and killed at the hard one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from harness.checker import Checker, Finding, broken, kept, unknown
from harness.checkers._depends import LIMITS
from harness.checkers._evidence import (
    belongs,
    bent,
    cited,
    counted,
    member_to_send,
    seconds,
    sent_to,
    setting,
    task_setting,
    together,
)
from harness.contract import Contract, Limits, Tier
from harness.history import Event, History
from harness.workload import Body, Experiment, Send

SOFT, HARD = "SoftTimeLimitExceeded", "TimeLimitExceeded"


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a body: how it began, and what ended it (None: nothing in the record)."""

    entered: Event
    end: Event | None

    @property
    def lasted_s(self) -> float | None:
        return None if self.end is None else self.end.at_s - self.entered.at_s

    @property
    def interrupted(self) -> bool:
        return self.end is not None and self.end.kind == "body-left" and self.end.get("error_type") == SOFT

    @property
    def killed(self) -> bool:
        return self.end is not None and self.end.kind != "body-left"


class TimeLimits(Checker):
    """A body that outstays `soft_s` is interrupted, one that ignores that is killed at `hard_s`.

    To 2 s or 1 %. The prefork pool alone enforces both limits (`billiard/pool.py`,
    ``TimeoutHandler``); threads and solo enforce none, gevent the hard one only
    (`celery/concurrency/gevent.py`). The body is a stub that waits longer than allowed.
    """

    weight = 2
    depends = LIMITS

    def promise(self, tier: Tier) -> str | None:
        limits = tier.limits
        if limits is None or (limits.soft_s is None and limits.hard_s is None):
            return None
        said = [] if limits.soft_s is None else [f"interrupted after {seconds(limits.soft_s)}"]
        return "a run is " + " and ".join(
            said + ([] if limits.hard_s is None else [f"killed after {seconds(limits.hard_s)}"])
        )

    def path(self, tier: Tier) -> str:
        soft_only = tier.limits is not None and tier.limits.hard_s is None
        return f"tiers.{tier.name}.limits." + ("soft_s" if soft_only else "hard_s")

    def experiments(self, contract: Contract, tier: Tier) -> Iterable[Experiment]:
        task, limits = member_to_send(contract, tier), tier.limits
        if task is None or limits is None:
            return
        longest_s = max(limits.hard_s or 0.0, limits.soft_s or 0.0) + 60
        sends = []
        if limits.soft_s is not None:
            sends.append(Send(task, Body(stub=True, hold_s=longest_s)))
        if limits.hard_s is not None:
            sends.append(Send(task, Body(stub=True, hold_s=longest_s, ignores_soft=True)))
        yield Experiment(
            f"{self.name}/{tier.name}",
            tier.name,
            tuple(sends),
            phase="limits",
            settle_within_s=2 * longest_s + 120,
        )

    def judge(self, contract: Contract, tier: Tier, history: History) -> Finding:
        limits = tier.limits or Limits()
        bodies = {e.task_id: e.get("body") or {} for e in sent_to(contract, tier, history)}
        runs = [
            run
            for run in _runs(history)
            if belongs(contract, tier, run.entered.task) and run.entered.task_id in bodies
        ]
        findings = []
        if limits.soft_s is not None:
            outlasts = _outlasting(runs, bodies, limits.soft_s, ignores_soft=False)
            findings.append(_judged(history, outlasts, limits.soft_s, hard=False))
        if limits.hard_s is not None:
            ignores_soft = limits.soft_s is not None or any(b.get("ignores_soft") for b in bodies.values())
            outlasts = _outlasting(runs, bodies, limits.hard_s, ignores_soft=ignores_soft)
            findings.append(_judged(history, outlasts, limits.hard_s, hard=True))
        return together(findings)


def _runs(history: History) -> list[Run]:
    """Every entered body with the first event that ended that run."""
    runs = []
    ends: dict[str | None, list[Event]] = {}
    for event in history.of("body-left", "child-lost", "task-failed"):
        ends.setdefault(event.task_id, []).append(event)
    for entered in history.of("body-entered"):
        own = sorted([*ends.get(entered.task_id, []), *ends.get(None, [])], key=history.index)
        later = (e for e in own if e.at_s >= entered.at_s)
        runs.append(Run(entered, next((e for e in later if _ends(e, entered)), None)))
    return runs


def _ends(event: Event, entered: Event) -> bool:
    if event.kind == "child-lost" and event.task_id is None:
        return event.get("pid") is not None and event.get("pid") == entered.get("pid")
    if event.task_id != entered.task_id:
        return False
    timed_out = event.kind == "task-failed" and event.get("error_type") == HARD
    return timed_out or event.kind in ("body-left", "child-lost")


def _outlasting(
    runs: list[Run], bodies: dict[str | None, dict[str, object]], limit_s: float, *, ignores_soft: bool
) -> list[Run]:
    """The runs whose body was told to wait longer than the limit, in the manner that tests it."""
    return [
        run
        for run in runs
        if float(str(bodies[run.entered.task_id].get("hold_s") or 0)) > limit_s + _slack_s(limit_s)
        and bool(bodies[run.entered.task_id].get("ignores_soft")) == ignores_soft
    ]


def _slack_s(limit_s: float) -> float:
    return max(2.0, limit_s / 100)


def _judged(history: History, runs: list[Run], limit_s: float, *, hard: bool) -> Finding:
    word = "hard" if hard else "soft"
    if not runs:
        return unknown(f"no run of the tier outlasted the {word} limit")
    ends_s = history.events[-1].at_s
    for run in runs:
        lasted_s = run.lasted_s
        ended_so = run.killed if hard else run.interrupted
        if lasted_s is None and ends_s - run.entered.at_s <= limit_s + _slack_s(limit_s):
            return unknown(f"the record ends before the {word} limit of a run", (run.entered,))
        if lasted_s is None or not ended_so:
            return _not_enforced(history, run, limit_s, hard=hard)
        if abs(lasted_s - limit_s) > _slack_s(limit_s):
            if bent(history, run.entered.at_s, run.entered.at_s + lasted_s):
                said = f"a run lasted {seconds(lasted_s)}; but the stage's clock was bent meanwhile"
                return unknown(said, (run.entered,))
            return _not_enforced(history, run, limit_s, hard=hard)
    verb = "killed" if hard else "interrupted"
    return kept(
        f"{counted(len(runs), 'run')} {verb} after {seconds(runs[0].lasted_s or 0)}",
        cited(*([run.entered, run.end] for run in runs if run.end is not None)),
    )


def _not_enforced(history: History, run: Run, limit_s: float, *, hard: bool) -> Finding:
    verb, name = ("killed", "time_limit") if hard else ("interrupted", "soft_time_limit")
    lasted = "is still in its body" if run.lasted_s is None else f"ran {seconds(run.lasted_s)}"
    how = (
        ""
        if run.end is None
        else " until killed"
        if run.killed
        else " until interrupted"
        if run.interrupted
        else " to its end"
    )
    pools = {str(e.get("pool")) for e in history.of("worker-ready")} - {"prefork", "None"}
    in_force = task_setting(history, run.entered.task, name) or setting(history, f"task_{name}")
    if pools:
        blame, mend = (
            f"the pool {', '.join(sorted(pools))} does not enforce task_{name}",
            "celery worker -P prefork",
        )
    elif in_force is None:
        blame, mend = f"task_{name} is not set", f"{name}={limit_s:g} on the task"
    else:
        blame, mend = (
            f"{name} in force for {run.entered.task} is {in_force}",
            f"{name}={limit_s:g} on the task",
        )
    return broken(
        f"a run {lasted}{how}; promised is to be {verb} after {seconds(limit_s)}",
        cited([run.entered] + ([run.end] if run.end is not None else [])),
        blame=blame,
        mend=mend,
    )
