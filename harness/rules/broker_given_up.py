"""A worker that gives the broker up."""

from __future__ import annotations

from collections.abc import Iterator

from harness.configuration import Configuration
from harness.finding import Finding, Severity
from harness.rule import Rule


class BrokerGivenUp(Rule):
    """broker_connection_max_retries is finite: 100 by default.

    After that many attempts, about fifty minutes, the worker ends.
    """

    id = "OPS004"
    severity = Severity.LOW
    why = "A broker that is away for an hour leaves no worker behind, unless something starts it again."
    mend = "Set broker_connection_max_retries = None, or rely on a supervisor that restarts the worker."
    source = "celery/app/defaults.py; kombu/connection.py: ensure_connection, interval_max 30 s"
    proof = "scenarios/rules/test_operations.py::test_a_worker_gives_the_broker_up"

    def check(self, app: Configuration) -> Iterator[Finding]:
        setting = app.conf("broker_connection_max_retries")
        if isinstance(setting.value, int) and setting.value > 0:
            yield self.found(
                app, "broker_connection_max_retries", f"{setting.value} attempts", setting.origin
            )
