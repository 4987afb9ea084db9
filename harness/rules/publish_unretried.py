"""A publish that is given up at the first failure."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from harness.configuration import Configuration
from harness.finding import Finding, Severity
from harness.rule import Rule
from harness.sources import keyword


class PublishUnretried(Rule):
    """Publishing is not retried: task_publish_retry is off, or a call says retry=False."""

    id = "PUB003"
    severity = Severity.MEDIUM
    why = (
        "A broker that restarts for a second loses what was sent meanwhile, with an exception in the caller."
    )
    mend = "Leave it on; for what must not be lost keep an outbox in the database."
    source = "celery/app/amqp.py: publish with retry_policy; docs: Calling tasks, message sending retry"
    proof = (
        "scenarios/rules/test_rabbitmq.py::test_a_publish_without_retry_fails_where_the_connection_was_lost"
    )

    def check(self, app: Configuration) -> Iterator[Finding]:
        setting = app.conf("task_publish_retry")
        if setting.value is False:
            yield self.found(
                app, "task_publish_retry", "a publish that fails is not tried again", setting.origin
            )
        for file, call in app.callers.calls("apply_async", "send_task"):
            value = keyword(call, "retry")
            if isinstance(value, ast.Constant) and value.value is False:
                what = "retry=False: this publish is not tried again"
                yield self.found(app, ast.unparse(call.func), what, f"{file}:{call.lineno}")
