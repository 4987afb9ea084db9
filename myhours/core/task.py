"""The base class of all tasks: gives each its tier's policy and guards the way to its body.

Celery does what it can do: `autoretry_for`, `max_retries`, time limits, late acknowledgement. This
class adds what it has no setting for: delays that spread but never vanish, a rate limit that holds
across workers, a brake for tasks that kill their process, and one run at a time for equal tasks.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import logging
import smtplib
import time
from typing import Any

import redis
from celery.contrib.django.task import DjangoTask
from celery.exceptions import Ignore, Reject, SoftTimeLimitExceeded, TaskPredicate
from celery.states import SUCCESS
from django.db import InterfaceError, OperationalError
from kombu.exceptions import OperationalError as BrokerError

from core import coordination, dead_letters
from myhours import policy

logger = logging.getLogger(__name__)

TRANSIENT = (
    OSError,  # files, sockets, timeouts, smtplib.SMTPException
    smtplib.SMTPException,
    OperationalError,
    InterfaceError,
    BrokerError,
    redis.ConnectionError,
    redis.TimeoutError,
)
"""Failures that may be gone a minute later. Anything else is a mistake that a retry repeats."""

DUPLICATE = "duplicate"


class Poisonous(Exception):
    """A task whose process died in each of its runs."""

    def __init__(self, runs: int) -> None:
        super().__init__(f"its process died in each of {runs} runs")
        self.runs = runs

    def __reduce__(self) -> tuple[Any, ...]:
        return Poisonous, (self.runs,)


class TierTask(DjangoTask):
    """A task with the policy of its tier; ``deduplicate=True`` lets one of several equal tasks run."""

    abstract = True
    autoretry_for = TRANSIENT
    dont_autoretry_for = (SoftTimeLimitExceeded,)
    deduplicate = False
    tier = policy.DEFAULT

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if not cls.name:
            return
        tier = cls.tier = policy.tier_of(cls.name)
        for attribute, value in (
            ("max_retries", tier.max_retries),
            ("default_retry_delay", tier.retry_delay_s),
            ("soft_time_limit", tier.soft_s),
            ("time_limit", tier.hard_s),
        ):
            if attribute not in cls.__dict__:
                setattr(cls, attribute, value)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the body when lock, rate and brake allow it."""
        request = self.request
        if request.called_directly:
            return super().__call__(*args, **kwargs)
        if request.is_eager:
            return self.run(*args, **kwargs)
        try:
            owner = self._enter(request.id, args, kwargs)
        except redis.RedisError as error:
            # Without Redis nothing says that the task may run, so it does not.
            raise self.retry(exc=error) from error
        if owner != request.id:
            logger.warning(
                "duplicate ignored", extra={"data": {"id": request.id, "name": self.name, "owner": owner}}
            )
            return {"ignored": DUPLICATE, "owner": owner}
        try:
            result = self.run(*args, **kwargs)
        except MemoryError as error:
            # Celery's parent process would raise it in itself (celery/worker/request.py, Request.on_failure).
            self._leave(request.id)
            raise RuntimeError("out of memory") from error
        except Exception as error:
            # Not BaseException: SystemExit ends the child, which is for the brake to count.
            self._leave(request.id)
            if isinstance(error, Reject) and not error.requeue:
                self._bury_rejected(error)
            if not isinstance(error, TaskPredicate) and self._has_succeeded(request.id):
                logger.warning("failed, but another run of its message has succeeded", exc_info=True)
                raise Ignore("another run of its message has succeeded") from error
            raise
        self._leave(request.id)
        return result

    def _enter(self, task_id: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
        tier = self.tier
        if self.deduplicate:
            owner = coordination.take_lock(self.lock_key(args, kwargs), owner=task_id, life_s=tier.lock_s)
            if owner != task_id:
                return owner
        wait_s = coordination.take_slot(
            tier.name, per_minute=tier.rate_per_minute, wait_at_most_s=tier.soft_s / 2
        )
        if wait_s < 0:
            self._postpone(min(-wait_s, tier.retry_delay_s))
        if wait_s > 0:
            # The child waits, so the rest of the queue stays in the broker, in order. No child waits
            # longer than the number of children times the interval.
            time.sleep(wait_s)
        runs = coordination.run_begins(
            task_id, remembered_s=policy.RUNS_BEFORE_BRAKE * policy.visibility_timeout_s() * 2
        )
        if runs > policy.RUNS_BEFORE_BRAKE:
            coordination.run_ended(task_id)
            raise Poisonous(runs - 1)
        return task_id

    def _leave(self, task_id: str) -> None:
        """The body is over: what it came to stands, above all a retry that is published."""
        try:
            coordination.run_ended(task_id)
        except (redis.RedisError, SoftTimeLimitExceeded):
            logger.warning("run not forgotten", exc_info=True)

    def _has_succeeded(self, task_id: str) -> bool:
        """Whether another run of the same message has: a publish whose reply is lost is made again, and both
        messages are run. Celery looks at that only where the broker says that it redelivers
        (`celery/app/trace.py`, ``deduplicate_successful_tasks``).
        """
        try:
            return bool(self.backend.get_state(task_id) == SUCCESS)
        except Exception:
            logger.warning("result not read", exc_info=True)
            return False

    def _postpone(self, countdown_s: float) -> None:
        """Send the task again for later; it is not a retry and does not count as one."""
        try:
            self.signature_from_request(countdown=countdown_s, retries=self.request.retries).apply_async()
        except Exception as error:
            raise Reject(error, requeue=True) from error
        raise Ignore("postponed by the rate limit")

    def _bury_rejected(self, error: Reject) -> None:
        dead_letters.bury(dead_letters.from_context(self.request, self.name, error, reason="rejected"))

    def retry(self, *args: Any, **options: Any) -> Any:
        """Celery's retry, with the tier's delay unless the caller gives one."""
        if options.get("eta") is None and options.get("countdown") is None:
            options["countdown"] = self.tier.delay_s(self.request.retries)
        try:
            return super().retry(*args, **options)
        except Reject as error:
            # The retry could not be published. Celery would drop the message; it is the only copy.
            raise Reject(error.reason, requeue=True) from error

    def on_success(self, retval: Any, task_id: str, args: Any, kwargs: Any) -> None:
        """Let an equal task run, now that the result is stored."""
        self.release(task_id, args, kwargs)

    def release(self, task_id: str, args: Any, kwargs: Any) -> None:
        """Release the lock of an ended task, if it has one; a lock that cannot be released expires."""
        if not self.deduplicate:
            return
        try:
            coordination.release_lock(self.lock_key(args, kwargs), owner=task_id)
        except (redis.RedisError, SoftTimeLimitExceeded, TypeError):
            logger.warning("lock not released", exc_info=True)

    def lock_key(self, args: Any, kwargs: Any) -> str:
        """The same for calls that mean the same, however their arguments are written."""
        bound = inspect.signature(self.__wrapped__).bind(*args, **kwargs)
        bound.apply_defaults()
        text = json.dumps([self.name, bound.arguments], sort_keys=True, default=str)
        return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
