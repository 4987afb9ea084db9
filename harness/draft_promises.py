"""What Celery has in force for one task, as promises of a contract: key, value, and the line behind it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from harness.contract import FAILURE_CLASSES
from harness.settings import Settings, conf_setting, retried_failures, task_setting

EXPIRING = ("redis", "rediss", "sentinel", "valkey", "valkeys", "rpc", "memcache", "cache")
"""Result backends that expire results by themselves; others need beat's ``celery.backend_cleanup``."""


@dataclass(frozen=True, slots=True)
class Promise:
    """One line of a tier's table, or of one of its inner tables; a note where there is nothing to promise."""

    table: str  # empty for the tier's own
    key: str
    value: object = None
    origin: str = ""
    note: str = ""

    @property
    def meaning(self) -> tuple[str, str, str, str]:
        """Equal for tasks with equal guarantees, wherever these come from."""
        return self.table, self.key, repr(self.value), self.note


def promises(settings: Settings, task: str) -> Iterator[Promise]:
    """Everything that can be promised of a task without running it, in the order of the contract's tables."""
    described = settings["tasks"][task]
    queue = described.get("queue")
    if queue:
        yield Promise("", "queue", queue, described.get("queue_origin") or "")
    else:
        yield Promise("", "queue", note=f"no queue: {described.get('route_error') or 'routed by exchange'}")
    if described.get("priority") is not None:
        yield Promise(
            "", "urgency", note=f"priority {described['priority']} is in force{_direction(settings)}"
        )
    if _is_set(settings, "worker_send_task_events") and _is_set(settings, "task_send_sent_event"):
        yield Promise("", "events", True, conf_setting(settings, "worker_send_task_events").origin)
    yield from _loss(settings, task)
    yield from _retry(settings, task, described)
    yield from _result(settings, task)
    yield from _limits(settings, task)


def _direction(settings: Settings) -> str:
    if str(conf_setting(settings, "broker_url").value).startswith(("redis", "sentinel", "valkey")):
        return "; on Redis 0 starts first (kombu/transport/redis.py)"
    return ""


def _retry(settings: Settings, task: str, described: Mapping[str, Any]) -> Iterator[Promise]:
    calls = described.get("retry_calls") or []
    retried = retried_failures(settings, task)
    automatic = bool(task_setting(settings, task, "autoretry_for").value)
    origin = task_setting(settings, task, "autoretry_for").origin if automatic else ""
    if calls:
        origin = "; ".join([*([origin] if origin else []), f"retry() in {calls[0].get('at')}"])
    if retried:
        yield Promise("retry", "on", list(retried), origin)
    elif automatic or calls:
        yield Promise("retry", "on", note="retries for failures of other classes than the harness knows")
    spared = [name for name in FAILURE_CLASSES if name not in retried]
    if spared and not calls:
        yield Promise("retry", "not_on", spared, origin or "no autoretry_for and no call of retry()")
    if not (automatic or calls):
        return
    yield _cap(settings, task, calls, automatic=automatic)
    yield _delay(settings, task, calls, automatic=automatic)


def _cap(settings: Settings, task: str, calls: list[Any], *, automatic: bool) -> Promise:
    own = task_setting(settings, task, "max_retries")
    found = {own.value if call.get("max_retries") is None else call["max_retries"] for call in calls}
    origin = own.origin
    if automatic:
        kwargs = task_setting(settings, task, "retry_kwargs")
        given = kwargs.value.get("max_retries") if isinstance(kwargs.value, Mapping) else None
        origin = own.origin if given is None else kwargs.origin
        found.add(own.value if given is None else given)
    if len(found) > 1:
        return Promise(
            "retry", "max_retries", note=f"max_retries differs from call to call: {sorted(map(str, found))}"
        )
    (value,) = found
    if not _is_count(value):
        return Promise("retry", "max_retries", note=f"max_retries = {value}: retried for ever")
    return Promise("retry", "max_retries", value, origin)


def _delay(settings: Settings, task: str, calls: list[Any], *, automatic: bool) -> Promise:
    """The ladder of `celery/app/autoretry.py`, or that of the only call of ``retry``."""
    own = ((settings.get("tasks") or {}).get(task) or {}).get("overrides") or {}
    if "retry" in own:
        return Promise("retry", "delay", note=f"the delay is computed by {own['retry']}")
    if automatic and calls:
        return Promise("retry", "delay", note="delays differ: autoretry_for and retry() are both used")
    usual = task_setting(settings, task, "default_retry_delay")
    if calls:
        computed = [call["countdown_source"] for call in calls if call.get("countdown_source")]
        constant = {call.get("countdown") for call in calls}
        if len(constant) > 1 or (computed and constant == {None}):
            return Promise("retry", "delay", note=f"the delay is computed: {', '.join(computed)}")
        (seconds,) = constant
        origin = usual.origin if seconds is None else f"retry() in {calls[0].get('at')}"
        return _fixed(usual.value if seconds is None else seconds, origin)
    backoff = task_setting(settings, task, "retry_backoff")
    if not backoff.value:
        kwargs = task_setting(settings, task, "retry_kwargs")
        seconds = kwargs.value.get("countdown") if isinstance(kwargs.value, Mapping) else None
        return _fixed(
            usual.value if seconds is None else seconds, usual.origin if seconds is None else kwargs.origin
        )
    if not _is_number(backoff.value):
        return Promise("retry", "delay", note=f"retry_backoff = {backoff.value!r}")
    base = max(1, int(backoff.value))
    cap = task_setting(settings, task, "retry_backoff_max").value
    cap = int(cap) if _is_number(cap) else 600
    jitter = "full" if task_setting(settings, task, "retry_jitter").value else "none"
    ladder = {"shape": "exponential", "base_s": min(base, cap), "factor": 2, "cap_s": cap, "jitter": jitter}
    return Promise("retry", "delay", ladder, backoff.origin)


def _fixed(seconds: object, origin: str) -> Promise:
    if not _is_number(seconds):
        return Promise("retry", "delay", note=f"the delay is {seconds!r}")
    return Promise("retry", "delay", {"shape": "fixed", "base_s": seconds, "jitter": "none"}, origin)


def _result(settings: Settings, task: str) -> Iterator[Promise]:
    backend = str(conf_setting(settings, "result_backend").value or "disabled")
    if backend.startswith("disabled") or task_setting(settings, task, "ignore_result").value:
        return
    kind = re.split(r"[:+]", backend)[0]
    for key, name in (("expires_s", "result_expires"), ("failure_expires_s", "result_failure_expires")):
        value, origin = conf_setting(settings, name)
        seconds = float(value) if isinstance(value, str) and value.isdecimal() else value
        if _is_number(seconds) and seconds and kind in EXPIRING:
            yield Promise("result", key, seconds, origin)
        elif seconds:
            yield Promise(
                "result", key, note=f"{name} = {value}: on {kind} only beat's cleanup removes results"
            )
    compression, origin = conf_setting(settings, "result_compression")
    if isinstance(compression, str) and compression and _celery(settings) >= (5, 7):
        yield Promise("result", "compression", compression, origin)
    serializer, origin = conf_setting(settings, "result_serializer")
    if isinstance(serializer, str) and serializer:
        yield Promise("result", "serializer", serializer, origin)


def _limits(settings: Settings, task: str) -> Iterator[Promise]:
    hard, soft = (task_setting(settings, task, name) for name in ("time_limit", "soft_time_limit"))
    if _is_number(hard.value) and hard.value:
        yield Promise("limits", "hard_s", hard.value, hard.origin)
    if _is_number(soft.value) and soft.value:
        if _is_number(hard.value) and hard.value and soft.value >= hard.value:
            yield Promise("limits", "soft_s", note=f"soft_time_limit = {soft.value} is not below time_limit")
        else:
            yield Promise("limits", "soft_s", soft.value, soft.origin)
    rate = task_setting(settings, task, "rate_limit")
    text = f"{rate.value:g}/s" if _is_number(rate.value) else str(rate.value or "")
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?(/[smh])?", text) and float(text.partition("/")[0]) > 0:
        yield Promise("limits", "rate", text, rate.origin)
        yield Promise(
            "limits", "rate_scope", "worker", "celery/worker/consumer/consumer.py: a bucket in each worker"
        )
    elif rate.value:
        yield Promise("limits", "rate", note=f"rate_limit = {rate.value!r} is no rate that Celery can read")


def _loss(settings: Settings, task: str) -> Iterator[Promise]:
    late, rejecting, brake = (
        bool(task_setting(settings, task, name).value)
        for name in ("acks_late", "reject_on_worker_lost", "retry_on_worker_lost")
    )
    if not late:
        note = "loss: acknowledged before it runs (acks_late off): a killed worker loses the task that it ran"
    elif not rejecting and not brake:
        note = (
            "loss: a killed child's task is acknowledged (reject_on_worker_lost off); "
            "a killed worker's comes back"
        )
    elif not brake:
        note = "loss: a killed child's task comes back without a brake (retry_on_worker_lost off)"
    else:
        note = "loss: a killed child's task is retried, at most max_retries times"
    yield Promise("", "loss", note=note)


def _is_set(settings: Settings, name: str) -> bool:
    return bool(conf_setting(settings, name).value)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 315_360_000


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _celery(settings: Settings) -> tuple[int, ...]:
    version = str((settings.get("versions") or {}).get("celery", ""))
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])
