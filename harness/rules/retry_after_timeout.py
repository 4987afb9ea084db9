"""A retry that waits longer than the broker does."""

from __future__ import annotations

from collections.abc import Iterator

from harness.configuration import Configuration
from harness.finding import Finding, Severity
from harness.rule import Rule
from harness.rules._retries import waits


class RetryAfterTimeout(Rule):
    """A retry waits longer than the broker lets a message stay unacknowledged.

    A worker holds a message with a countdown unacknowledged until its time has come. Redis hands it to a
    second worker after `visibility_timeout` (3600 s by default); RabbitMQ closes the worker's channel after
    `consumer_timeout` (1800 s by default), unless quorum queues and Celery's native delay hold it in the
    broker.
    """

    id = "RTY005"
    severity = Severity.HIGH
    why = "The task runs twice or more (Redis), or the worker dies with PRECONDITION_FAILED (RabbitMQ)."
    mend = "Keep the longest wait below the timeout, or raise the timeout above it."
    source = (
        "kombu/transport/redis.py: visibility_timeout; RabbitMQ docs: consumers, delivery acknowledgement "
        "timeout; celery#3270, celery#6760"
    )
    proof = "scenarios/rules/test_redelivery.py::test_a_wait_beyond_the_visibility_timeout_runs_twice"

    def check(self, app: Configuration) -> Iterator[Finding]:
        for task in app.tasks:
            for wait_s, origin in waits(app, task):
                for limit_s, name in _timeouts(app, task):
                    if wait_s >= limit_s:
                        what = f"a retry may wait {wait_s:g} s; {name} is {limit_s:g} s"
                        yield self.found(app, task, what, origin)


def _timeouts(app: Configuration, task: str) -> Iterator[tuple[float, str]]:
    """What each kind of broker of the app allows a message of a task, in seconds."""
    if "redis" in app.brokers:
        yield app.visibility_timeout_s, "the visibility timeout of Redis"
    if "rabbitmq" in app.brokers:
        arguments = (app.queues.get(str(app.task(task).get("queue"))) or {}).get("arguments") or {}
        if arguments.get("x-queue-type") == "quorum":
            return  # held in the broker (celery/app/base.py: native delayed delivery)
        given = arguments.get("x-consumer-timeout")
        yield (given / 1000 if isinstance(given, int | float) else 1800.0), "RabbitMQ's consumer timeout"
