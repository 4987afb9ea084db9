"""The careful payments with publishes that RabbitMQ confirms."""

from __future__ import annotations

from payments import app, pay

app.conf.update(broker_transport_options={"confirm_publish": True})

__all__ = ["app", "pay"]
