"""Results live as long as promised, no longer and no shorter."""

from __future__ import annotations

from collections.abc import Iterable

from harness.checker import Checker, Finding, broken, kept, unknown
from harness.checkers._depends import RESULTS
from harness.checkers._evidence import (
    belongs,
    cited,
    counted,
    ids_of,
    member_to_send,
    only,
    seconds,
    setting,
    task_setting,
    together,
)
from harness.contract import Contract, Result, Tier
from harness.history import Event, History
from harness.workload import Body, Experiment, Send


class ResultExpiry(Checker):
    """Stored results expire after the promised time, those of failed tasks after their own.

    The time to live that the result server itself reports is judged, to 2 s or 1 %, and results that
    went are judged by their age. ``result_expires`` counts in seconds, 0 and None mean never
    (`celery/backends/base.py`, ``prepare_expires``); without ``result_failure_expires``, new in
    Celery 5.7, failures expire with the rest.
    """

    depends = RESULTS

    def promise(self, tier: Tier) -> str | None:
        result = tier.result
        if result is None or (result.expires_s is None and result.failure_expires_s is None):
            return None
        said = [] if result.expires_s is None else [f"results expire after {seconds(result.expires_s)}"]
        if result.failure_expires_s is not None:
            said.append(f"results of failed tasks after {seconds(result.failure_expires_s)}")
        return ", ".join(said)

    def path(self, tier: Tier) -> str:
        failures_only = tier.result is not None and tier.result.expires_s is None
        return f"tiers.{tier.name}.result." + ("failure_expires_s" if failures_only else "expires_s")

    def experiments(self, contract: Contract, tier: Tier) -> Iterable[Experiment]:
        task = member_to_send(contract, tier)
        if task is None or tier.result is None:
            return
        sends = [Send(task, Body(stub=True))]
        if tier.result.failure_expires_s is not None:
            not_on = tier.retry.not_on if tier.retry else ()
            sends.append(Send(task, Body(stub=True, raises=not_on[0] if not_on else "programming")))
        yield Experiment(f"{self.name}/{tier.name}", tier.name, tuple(sends))

    def judge(self, contract: Contract, tier: Tier, history: History) -> Finding:
        result = tier.result or Result()
        halves = []
        if result.expires_s is not None:
            halves.append(_half(contract, tier, history, "SUCCESS", result.expires_s))
        if result.failure_expires_s is not None:
            halves.append(_half(contract, tier, history, "FAILURE", result.failure_expires_s))
        return together(halves)


def _half(contract: Contract, tier: Tier, history: History, status: str, expires_s: float) -> Finding:
    """One of the two promises: about the results of tasks that succeeded, or that failed."""
    kind, name = (
        ("task-succeeded", "result_expires")
        if status == "SUCCESS"
        else ("task-failed", "result_failure_expires")
    )
    ended = [event for event in history.of(kind) if belongs(contract, tier, event.task)]
    if not ended:
        return unknown(f"no task of the tier {kind.removeprefix('task-')}")
    ids = ids_of(ended)
    stored = [event for event in only(history.of("result-stored"), ids) if event.get("status") == status]
    if not stored:
        return _nothing_stored(history, ended)
    slack_s = max(2.0, expires_s / 100)
    for event in stored:
        ttl_s = event.get("ttl_s")
        if ttl_s is None or abs(ttl_s - expires_s) > slack_s:
            return _wrong_life(history, event, expires_s, name)
    gone = [event for event in only(history.of("result-gone"), ids) if event.get("status") == status]
    for event in gone:
        if event.get("age_s") is not None and event.get("age_s") < expires_s - slack_s:
            return broken(
                f"a result was gone after {seconds(event.get('age_s'))}, promised are {seconds(expires_s)}",
                (event,),
                blame="the result server evicts or loses results before they expire",
                mend="maxmemory-policy noeviction (or volatile-ttl) on the result server",
            )
    return kept(
        f"{counted(len(stored), status + ' result')} with {seconds(expires_s)} to live", cited(stored, gone)
    )


def _nothing_stored(history: History, ended: list[Event]) -> Finding:
    task = ended[0].task
    if task_setting(history, task, "ignore_result") is False:
        blame, mend = "no result backend took it", "set result_backend"
    else:
        blame, mend = f"ignore_result is on for {task} (task_ignore_result)", "ignore_result=False"
    return broken(
        f"{counted(len(ended), 'task')} ended, no result was stored", cited(ended), blame=blame, mend=mend
    )


def _wrong_life(history: History, event: Event, expires_s: float, name: str) -> Finding:
    ttl_s = event.get("ttl_s")
    value = setting(history, name)
    if name == "result_failure_expires" and value is None:
        blame = "result_failure_expires is not set (new in Celery 5.7): failures expire with result_expires"
    else:
        blame = name if value is None else f"{name} = {value}"
    life = "never expires" if ttl_s is None else f"lives {seconds(ttl_s)}"
    return broken(
        f"a {event.get('status')} result ({event.task_id}) {life}, promised are {seconds(expires_s)}",
        (event,),
        blame=blame,
        mend=f"{name} = {expires_s:g}",
    )
