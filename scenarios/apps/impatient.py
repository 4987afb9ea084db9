"""Payments that are acknowledged late, delivered again too early, and not recognised when they come again."""

from __future__ import annotations

from careless import app, pay

app.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    broker_transport_options={"visibility_timeout": 20, "unacked_restore_throttle": 1},
)

__all__ = ["app", "pay"]
