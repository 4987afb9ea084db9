"""The careful payments, and nobody ever asks whether the broker is still there."""

from __future__ import annotations

from payments import app, pay

app.conf.broker_transport_options = {**app.conf.broker_transport_options, "health_check_interval": 86_400}

__all__ = ["app", "pay"]
