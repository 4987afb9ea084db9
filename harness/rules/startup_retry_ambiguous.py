"""A worker that is to fail at once, and will not for long."""

from __future__ import annotations

from collections.abc import Iterator

from harness.configuration import Configuration
from harness.finding import Finding, Severity
from harness.rule import Rule


class StartupRetryAmbiguous(Rule):
    """broker_connection_retry is off, and broker_connection_retry_on_startup is not set.

    From Celery 6 the first no longer speaks for the start.
    """

    id = "OPS008"
    severity = Severity.LOW
    why = "After the upgrade a worker without a broker waits and looks healthy, instead of ending."
    mend = "Set broker_connection_retry_on_startup = False as well."
    source = "celery/worker/consumer/consumer.py: connect, CPendingDeprecationWarning"
    unshown = "it speaks of Celery 6, which does not exist yet"

    def check(self, app: Configuration) -> Iterator[Finding]:
        setting = app.conf("broker_connection_retry")
        if setting.value is False and app.value("broker_connection_retry_on_startup") is None:
            what = "broker_connection_retry_on_startup is not set"
            yield self.found(app, "broker_connection_retry", what, setting.origin)
