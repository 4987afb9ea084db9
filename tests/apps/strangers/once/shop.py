"""Orders, each of which is closed by one task at a time."""

import time

from celery import Celery
from celery_once_task.config import configure
from celery_once_task.task import OnceTask

configure(redis_url="redis://localhost:6379/3")
app = Celery("orders", broker="redis://localhost:6379/0", backend="redis://localhost:6379/1")
app.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_default_queue="work",
    broker_connection_retry_on_startup=True,
)


@app.task(base=OnceTask, name="orders.close", queue_lock=False)
def close(order):
    time.sleep(5)
    return order
