"""A small plain Celery app: one task for each thing that a worker can be told or made to do."""

from __future__ import annotations

import os
import signal
import time
from functools import partialmethod
from typing import Any

from celery import Celery, Task
from celery.exceptions import Ignore, Reject, Retry, SoftTimeLimitExceeded
from celery.schedules import crontab
from kombu import Queue
from kombu.transport import redis

if not hasattr(redis.Channel, "unacked_restore_throttle"):
    # Before kombu 5.7 every tenth of the sweeps is one, whatever the options say (`QoS.restore_visible`).
    qos: Any = redis.QoS
    qos.restore_visible = partialmethod(qos.restore_visible, interval=1)

app = Celery("conform", broker="redis://localhost:6379/0", backend="redis://localhost:6379/1")
app.conf.update(
    broker_connection_retry_on_startup=True,
    # Short, and swept for every ten seconds, not every hundred (kombu/transport/redis.py).
    broker_transport_options={"visibility_timeout": 20, "unacked_restore_throttle": 1},
    worker_prefetch_multiplier=1,
    result_expires=900,
    beat_schedule={
        "each 20 s": {"task": "conform.add", "schedule": 20.0, "args": (2, 3)},
        "each minute": {
            "task": "conform.quiet",
            "schedule": crontab(),
            "args": (7,),
            "options": {"queue": "lane"},
        },
    },
    task_create_missing_queues=True,
    task_queues=[
        Queue("celery"),
        Queue("lane", queue_arguments={"x-max-priority": 9}),
        Queue("left"),
        Queue("right"),
    ],
)


@app.task(name="conform.add")
def add(x: int, y: int = 0) -> int:
    """The plainest of tasks."""
    return x + y


@app.task(name="conform.total")
def total(numbers: list[int]) -> int:
    """What a chord ends with."""
    return sum(numbers)


@app.task(name="conform.quiet", ignore_result=True)
def quiet(x: int) -> int:
    """Nobody wants to know."""
    return x


@app.task(name="conform.tracked", track_started=True)
def tracked(x: int) -> int:
    """Says that it has begun."""
    return x


@app.task(name="conform.boom")
def boom(*_: object) -> None:
    """Fails."""
    raise ValueError("boom")


@app.task(name="conform.late_boom", acks_late=True)
def late_boom() -> None:
    """Fails, acknowledged late."""
    raise ValueError("boom")


@app.task(name="conform.kept_boom", acks_late=True, acks_on_failure_or_timeout=False)
def kept_boom() -> None:
    """Fails, and its message is not acknowledged."""
    raise ValueError("boom")


@app.task(name="conform.nap")
def nap(seconds: float, value: object = None) -> object:
    """Acknowledged as it begins."""
    time.sleep(seconds)
    return value


@app.task(name="conform.late_nap", acks_late=True)
def late_nap(seconds: float, value: object = None) -> object:
    """Acknowledged at its end."""
    time.sleep(seconds)
    return value


@app.task(bind=True, name="conform.late_at_first", acks_late=True)
def late_at_first(self: Task, seconds: float) -> None:
    """Acknowledged at its end, which comes soon for a message that is delivered again."""
    if not self.request.delivery_info.get("redelivered"):
        time.sleep(seconds)


@app.task(bind=True, name="conform.again", max_retries=3)
def again(self: Task, times: int, countdown: float) -> int:
    """Fails so often, tried again after so many seconds."""
    if self.request.retries < times:
        raise self.retry(exc=OSError(f"try {self.request.retries}"), countdown=countdown)
    return self.request.retries


@app.task(bind=True, name="conform.again_bare", max_retries=1)
def again_bare(self: Task) -> None:
    """Retried without an error of its own."""
    raise self.retry(countdown=1)


@app.task(bind=True, name="conform.again_elsewhere", max_retries=3)
def again_elsewhere(self: Task) -> int:
    """Its second try is on another queue."""
    if not self.request.retries:
        raise self.retry(countdown=1, queue="lane")
    return self.request.retries


@app.task(name="conform.backoff", autoretry_for=(OSError,), retry_backoff=2, retry_backoff_max=6,
          retry_jitter=False, max_retries=4)  # fmt: skip
def backoff() -> None:
    """Always fails, tried again after 2, 4, 6 and 6 seconds."""
    raise OSError("never")


@app.task(name="conform.picky", autoretry_for=(OSError,), dont_autoretry_for=(FileNotFoundError,))
def picky() -> None:
    """Fails with what is not to be tried again."""
    raise FileNotFoundError("gone")


@app.task(name="conform.by_hand")
def by_hand() -> None:
    """Says that it is tried again, and does not see to it."""
    raise Retry("later")


@app.task(bind=True, name="conform.refuse", acks_late=True)
def refuse(self: Task, requeue: bool) -> str:
    """Rejects its message, the first time that it comes."""
    if not self.request.delivery_info.get("redelivered"):
        raise Reject("not now", requeue=requeue)
    return "taken"


@app.task(name="conform.early_refuse")
def early_refuse() -> None:
    """Rejects a message that is acknowledged already."""
    raise Reject("too late", requeue=True)


@app.task(name="conform.shrug")
def shrug() -> None:
    """Asks to be ignored."""
    raise Ignore


def _die(redelivered: bool) -> str:
    if not redelivered:
        os.kill(os.getpid(), signal.SIGKILL)
    return "survived"


@app.task(bind=True, name="conform.early_death")
def early_death(self: Task) -> str:
    """Kills its process; acknowledged before."""
    return _die(self.request.delivery_info.get("redelivered"))


@app.task(bind=True, name="conform.late_death", acks_late=True)
def late_death(self: Task) -> str:
    """Kills its process; acknowledged late."""
    return _die(self.request.delivery_info.get("redelivered"))


@app.task(bind=True, name="conform.returned_death", acks_late=True, reject_on_worker_lost=True)
def returned_death(self: Task) -> str:
    """Kills its process; its message goes back."""
    return _die(self.request.delivery_info.get("redelivered"))


@app.task(name="conform.leave")
def leave() -> None:
    """Ends its process as ``sys.exit`` does."""
    raise SystemExit(3)


@app.task(name="conform.hurry", soft_time_limit=3, time_limit=6)
def hurry() -> str:
    """Has three seconds, and makes do with them."""
    try:
        time.sleep(60)
    except SoftTimeLimitExceeded:
        return "cut short"
    return "all"


@app.task(name="conform.soft", soft_time_limit=3)
def soft() -> None:
    """Has three seconds."""
    time.sleep(60)


@app.task(name="conform.deaf", soft_time_limit=3, time_limit=6)
def deaf() -> None:
    """Does not hear that its time is over."""
    ends = time.monotonic() + 60
    while time.monotonic() < ends:
        try:
            time.sleep(ends - time.monotonic())
        except SoftTimeLimitExceeded:
            continue


@app.task(name="conform.hard", time_limit=3)
def hard() -> None:
    """Is killed after three seconds."""
    time.sleep(60)


@app.task(
    bind=True, name="conform.late_hard", time_limit=3, acks_late=True, acks_on_failure_or_timeout=False
)  # fmt: skip
def late_hard(self: Task) -> str:
    """Is killed after three seconds, the first time that it comes."""
    if not self.request.delivery_info.get("redelivered"):
        time.sleep(60)
    return "in time"


@app.task(name="conform.rationed", rate_limit="12/m")
def rationed(x: int) -> int:
    """Twelve a minute."""
    return x


@app.task(bind=True, name="conform.hand_over")
def hand_over(self: Task, x: int) -> object:
    """Another task stands in for it."""
    raise self.replace(add.si(x, 1))


@app.task(name="conform.parent")
def parent(x: int) -> str:
    """Sends a task of its own."""
    return add.delay(x, 10).id and "sent"


@app.task(name="conform.told")
def told(*_: object) -> str:
    """Hears of a failure."""
    return "heard"


@app.task(name="conform.loud", autoretry_for=(OSError,), retry_backoff=1, max_retries=0)
def loud() -> None:
    """May not be tried again at all."""
    raise OSError("once")


@app.task(name="conform.unpicklable")
def unpicklable() -> object:
    """Returns what JSON cannot carry."""
    return object()
