"""An app that has never heard of the harness: orders and parcels, two queues, no Django, no contract."""

from __future__ import annotations

import urllib.error

from celery import Celery

app = Celery("shop", broker="redis://localhost:6379/0", backend="redis://localhost:6379/1")
app.conf.update(
    task_default_queue="orders",
    task_routes={"shop.ship": {"queue": "parcels"}},
    task_acks_late=True,
    task_reject_on_worker_lost=False,
    result_expires=600,
)


@app.task(
    name="shop.order",
    autoretry_for=(OSError, urllib.error.URLError),
    retry_backoff=5,
    retry_backoff_max=60,
    max_retries=4,
)
def order(number: int, articles: list[str]) -> int:
    """Take an order; returns how many articles it has."""
    return number * 0 + len(articles)


@app.task(name="shop.ship", time_limit=60)
def ship(number: int) -> str:
    """Hand a parcel over."""
    return f"parcel {number}"
