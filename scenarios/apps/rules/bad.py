"""Everything that the rules speak of, on Redis: each task shows one harm. `good` is the same, mended."""

import logging.config
import os
import signal
import sqlite3
import time
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from celery import Celery, Task
from celery.exceptions import SoftTimeLimitExceeded
from kombu import Exchange, Queue

FILES = Path(os.environ.get("FILES", "."))

logging.config.dictConfig(
    {
        "version": 1,
        "disable_existing_loggers": False,
        "handlers": {"own": {"class": "logging.FileHandler", "filename": str(FILES / "own.log")}},
        "root": {"handlers": ["own"], "level": "INFO"},
    }
)


class Settings:
    task_soft_time_limit = 10
    CELERY_TASK_DEFAULT_QUEUE = "orders"


app = Celery("bad", broker="redis://localhost:6379/0", backend="redis://localhost:6379/1")
app.config_from_object(Settings)
app.conf.update(
    task_acks_late="no",
    task_soft_time_limit=900,
    task_time_limits=20,
    task_default_max_retries=1,
    accept_content=["json", "pickle"],
    result_expires=None,
    broker_connection_max_retries=3,
    broker_transport_options={"visibility_timeout": 200, "unacked_restore_throttle": 1},
    broker_connection_retry_on_startup=True,
    worker_cancel_long_running_tasks_on_connection_loss=False,
    task_annotations={
        "bad.glob*": {"max_retries": 1},
        "bad.mispelled": {"max_retries": 1},
        "bad.policy": {"retry_policy": {"max_retries": 1}},
        "bad.starred": {"default_retry_delay": 5},
        "*": {"default_retry_delay": 60},
    },
    task_queues=(
        Queue("orders"),
        Queue("lonely"),
        Queue("ranked", queue_arguments={"x-max-priority": 9}),
        Queue("urgent"),
        Queue("slow"),
        Queue("limited"),
        Queue("alone"),
        Queue("failed", queue_arguments={"x-dead-letter-exchange": "dead", "x-max-length": 2}),
        Queue("wild", Exchange("wild", type="direct"), routing_key="wild.*"),
    ),
    task_routes={
        "bad.unfuond": {"queue": "orders"},
        "bad.waiting": {"queue": "lonely"},
        "bad.typo": {"queue": "ordres"},
        "bad.first": {"queue": "ranked", "priority": 9},
        "bad.second": {"queue": "ranked"},
        "bad.hurry": {"queue": "urgent"},
        "bad.calm": {"queue": "slow"},
        "bad.limited": {"queue": "limited"},
        "bad.alone": {"queue": "alone"},
        "bad.letter": {"queue": "failed"},
        "bad.[!u]*": {"queue": "orders"},
    },
)


# Retries


@app.task(autoretry_for=(OSError,))
def flaky(): ...


@app.task(autoretry_for=(OSError,))
def globbed(): ...


@app.task(autoretry_for=(OSError,))
def misspelled(): ...


@app.task(autoretry_for=(OSError,))
def policy(): ...


@app.task(autoretry_for=(OSError,))
def starred(): ...


@app.task(autoretry_for=(OSError,), max_retires=1)
def mistyped(): ...


@app.task
def once(): ...


@app.task(autoretry_for=(OSError,))
def herd(): ...


@app.task(autoretry_for=(OSError,), max_retries=None, default_retry_delay=1)
def endless(): ...


@app.task(autoretry_for=(Exception,))
def broad(): ...


# Redelivery


@app.task(bind=True, max_retries=1)
def patient(self):
    if not self.request.retries:
        raise self.retry(countdown=500)


@app.task(acks_late=True, time_limit=400, soft_time_limit=390)
def long(): ...


@app.task(acks_late=True, reject_on_worker_lost=True)
def poison(): ...


@app.task(acks_late=True, acks_on_failure_or_timeout=False, time_limit=5, soft_time_limit=4)
def requeued():
    mark = FILES / "requeued"
    with mark.open("a") as stream:
        stream.write("x")
    if len(mark.read_text()) < 5:
        with suppress(SoftTimeLimitExceeded):
            time.sleep(30)
        time.sleep(30)


@app.task(acks_late=True, reject_on_worker_lost=True)
def pay(account):
    with closing(sqlite3.connect(FILES / "ledger.sqlite3")) as connection, connection:
        connection.execute("CREATE TABLE IF NOT EXISTS payment (account)")
        connection.execute("INSERT INTO payment VALUES (?)", (account,))
    _crash_once(f"pay-{account}")


def _crash_once(name):
    mark = FILES / name
    if not mark.is_file():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)


# Queues


@app.task
def unfound(): ...


@app.task
def unrouted(): ...


@app.task
def waiting(): ...


@app.task
def typo(): ...


@app.task
def first(): ...


@app.task
def second(): ...


@app.task
def hurry(): ...


@app.task
def calm(): ...


# Failures


class Hooked(Task):
    def on_failure(self, exc, task_id, args, kwargs, einfo):
        with (FILES / "hooked").open("a") as stream:
            stream.write(f"{task_id}\n")


@app.task(base=Hooked, acks_late=False)
def hooked(): ...


@app.task
def lost(): ...


@app.task
def letter(): ...


# Limits


@app.task
def hang(): ...


@app.task(time_limit=5, soft_time_limit=4)
def alone(): ...


@app.task(soft_time_limit=10, time_limit=10, acks_late=False)
def late(): ...


@app.task(soft_time_limit=10, time_limit=5)
def unsendable(): ...


@app.task(soft_time_limit=5, time_limit=40)
def swallow():
    try:
        time.sleep(30)
    except Exception:
        return "half of it"
    return "all of it"


@app.task(time_limit=0, soft_time_limit=0)
def zero(): ...


@app.task(rate_limit="12/m")
def limited(): ...


# Results, logs, transactions


@app.task
def answer(): ...


@app.task
def asking():
    return once.delay().get()


@app.task
def logging_one():
    logging.getLogger("shop").warning("a line of our own")


@contextmanager
def atomic():
    with closing(sqlite3.connect(FILES / "orders.sqlite3", isolation_level=None)) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS placed (number)")
        connection.execute("BEGIN")
        yield connection
        connection.execute("COMMIT")


@app.task
def order(number):
    with atomic() as connection:
        connection.execute("INSERT INTO placed VALUES (?)", (number,))
        ship.delay(number)
        time.sleep(5)


@app.task
def ship(number):
    with closing(sqlite3.connect(FILES / "orders.sqlite3")) as connection:
        rows = connection.execute("SELECT * FROM placed WHERE number = ?", (number,)).fetchall()
    if not rows:
        raise LookupError(number)
