"""A publish that RabbitMQ need not have taken."""

from __future__ import annotations

from collections.abc import Iterator

from harness.configuration import Configuration
from harness.finding import Finding, Severity
from harness.rule import Rule


class PublishUnconfirmed(Rule):
    """The broker is RabbitMQ, and publishers do not wait for its confirmation."""

    id = "PUB001"
    severity = Severity.HIGH
    why = "delay() returns, and the message is gone: a full queue, a lost connection, a broker that restarts."
    mend = "Set broker_transport_options = {'confirm_publish': True}."
    source = "kombu/transport/pyamqp.py: confirm_publish; amqp/channel.py: basic_publish_confirm; celery#5410"
    proof = "scenarios/rules/test_rabbitmq.py::test_an_unconfirmed_publish_is_lost_without_an_error"

    def check(self, app: Configuration) -> Iterator[Finding]:
        if "rabbitmq" in app.brokers and not app.transport.get("confirm_publish"):
            what = "broker_transport_options has no confirm_publish"
            yield self.found(app, "confirm_publish", what, app.conf("broker_transport_options").origin)
