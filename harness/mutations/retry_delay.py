"""See `RetryDelay`."""

from __future__ import annotations

from collections.abc import Iterator

from harness.mutation import Mutant, Mutation, Target, scaled


class RetryDelay(Mutation):
    """Retries come too early or too late: backoff, its cap and its jitter, or the fixed delay of each task.

    Where the app has a `retry` of its own, that decides, and Celery's options say little: there is nothing
    to change then but the app's own settings.
    """

    def mutants(self, target: Target) -> Iterator[Mutant]:
        for task in target.tasks:
            if not target.retries(task) or target.decides_itself(task, "retry"):
                continue
            backoff = target.option(task, "retry_backoff")
            if not backoff or not target.option(task, "autoretry_for"):
                kwargs = target.option(task, "retry_kwargs") or {}
                name = "retry_kwargs.countdown" if "countdown" in kwargs else "default_retry_delay"
                delay_s = kwargs.get("countdown", target.option(task, "default_retry_delay"))
                for after in scaled(delay_s or 0):
                    yield self.of_task(target, task, name, after)
                continue
            yield self.of_task(target, task, "retry_backoff", after=False)
            yield self.of_task(target, task, "retry_backoff", float(backoff) * 10)
            yield self.of_task(target, task, "retry_jitter", not target.option(task, "retry_jitter"))
            cap_s, retries = target.option(task, "retry_backoff_max"), target.option(task, "max_retries")
            if cap_s and retries and float(backoff) * 2 ** (retries - 1) > cap_s / 10:
                yield self.of_task(target, task, "retry_backoff_max", max(1, int(cap_s) // 10))
