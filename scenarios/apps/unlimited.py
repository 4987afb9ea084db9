"""The careful payments without a limit to what a worker fetches ahead: no place can be lost."""

from __future__ import annotations

from payments import app, pay

app.conf.update(worker_prefetch_multiplier=0)

__all__ = ["app", "pay"]
