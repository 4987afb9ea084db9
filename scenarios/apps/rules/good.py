"""`bad`, mended: the same tasks, and none of the harm."""

import logging.config
import os
import signal
import sqlite3
import time
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from celery import Celery, signals
from celery.exceptions import SoftTimeLimitExceeded
from kombu import Exchange, Queue

FILES = Path(os.environ.get("FILES", "."))


@signals.setup_logging.connect
def configure(**_):
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "handlers": {"own": {"class": "logging.FileHandler", "filename": str(FILES / "own.log")}},
            "root": {"handlers": ["own"], "level": "INFO"},
        }
    )


@signals.task_failure.connect
def file(task_id=None, **_):
    with closing(sqlite3.connect(FILES / "letters.sqlite3", timeout=30)) as connection, connection:
        connection.execute("CREATE TABLE IF NOT EXISTS letter (id PRIMARY KEY)")
        connection.execute("INSERT OR IGNORE INTO letter VALUES (?)", (task_id,))


class Settings:
    CELERY_TASK_SOFT_TIME_LIMIT = 10
    CELERY_TASK_DEFAULT_QUEUE = "orders"


app = Celery("good", broker="redis://localhost:6379/0", backend="redis://localhost:6379/1")
app.config_from_object(Settings, namespace="CELERY")
app.conf.update(
    task_acks_late=False,
    task_time_limit=20,
    task_create_missing_queues=False,
    accept_content=["json"],
    result_expires=3600,
    result_backend_always_retry=True,
    result_backend_max_retries=20,
    broker_connection_max_retries=None,
    broker_transport_options={"visibility_timeout": 3600, "unacked_restore_throttle": 1},
    broker_connection_retry_on_startup=True,
    worker_cancel_long_running_tasks_on_connection_loss=False,
    worker_prefetch_multiplier=1,
    worker_max_tasks_per_child=5,
    task_annotations={
        "good.globbed": {"max_retries": 1},
        "good.misspelled": {"max_retries": 1},
        "good.policy": {"max_retries": 1},
        "good.starred": {"default_retry_delay": 5},
    },
    task_queues=(
        Queue("orders"),
        Queue("lonely"),
        Queue("ranked"),
        Queue("urgent"),
        Queue("slow"),
        Queue("limited"),
        Queue("alone"),
        Queue("failed"),
        Queue("wild", Exchange("wild", type="topic"), routing_key="wild.*"),
    ),
    task_routes={
        "good.unfound": {"queue": "orders"},
        "good.waiting": {"queue": "lonely"},
        "good.typo": {"queue": "orders"},
        "good.first": {"queue": "ranked", "priority": 0},
        "good.second": {"queue": "ranked", "priority": 9},
        "good.hurry": {"queue": "urgent"},
        "good.calm": {"queue": "slow"},
        "good.limited": {"queue": "limited"},
        "good.alone": {"queue": "alone"},
        "good.letter": {"queue": "failed"},
    },
)


# Retries


@app.task(autoretry_for=(OSError,), retry_backoff=30, max_retries=1)
def flaky(): ...


@app.task(autoretry_for=(OSError,), retry_backoff=30)
def globbed(): ...


@app.task(autoretry_for=(OSError,), retry_backoff=30)
def misspelled(): ...


@app.task(autoretry_for=(OSError,), retry_backoff=30)
def policy(): ...


@app.task(autoretry_for=(OSError,))
def starred(): ...


@app.task(autoretry_for=(OSError,), retry_backoff=30, max_retries=1)
def mistyped(): ...


@app.task(autoretry_for=(OSError,), retry_backoff=30)
def once(): ...


@app.task(autoretry_for=(OSError,), retry_backoff=30)
def herd(): ...


@app.task(autoretry_for=(OSError,), retry_backoff=1, max_retries=2)
def endless(): ...


@app.task(autoretry_for=(OSError,), retry_backoff=30)
def broad(): ...


# Redelivery


@app.task(bind=True, max_retries=1)
def patient(self):
    if not self.request.retries:
        raise self.retry(countdown=500)


@app.task(acks_late=True, time_limit=400, soft_time_limit=390)
def long(): ...


@app.task(acks_late=True, retry_on_worker_lost=True, max_retries=2, default_retry_delay=1)
def poison(): ...


@app.task(acks_late=True, time_limit=5, soft_time_limit=4)
def requeued():
    mark = FILES / "requeued"
    with mark.open("a") as stream:
        stream.write("x")
    if len(mark.read_text()) < 5:
        with suppress(SoftTimeLimitExceeded):
            time.sleep(30)
        time.sleep(30)


@app.task(acks_late=True, reject_on_worker_lost=True, retry_on_worker_lost=True)
def pay(account):
    with closing(sqlite3.connect(FILES / "ledger.sqlite3")) as connection, connection:
        connection.execute("CREATE TABLE IF NOT EXISTS payment (account PRIMARY KEY)")
        connection.execute("INSERT OR IGNORE INTO payment VALUES (?)", (account,))
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


@app.task
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


@app.task(soft_time_limit=5, time_limit=10)
def late(): ...


@app.task(soft_time_limit=5, time_limit=10)
def unsendable(): ...


@app.task(soft_time_limit=5, time_limit=40)
def swallow():
    try:
        time.sleep(30)
    except SoftTimeLimitExceeded:
        raise
    except Exception:
        return "half of it"
    return "all of it"


@app.task
def zero(): ...


@app.task(rate_limit="12/m")
def limited(): ...


# Results, logs, transactions


@app.task(time_limit=300, soft_time_limit=290)
def answer(): ...


@app.task
def asking():
    once.delay()


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
        time.sleep(5)
    ship.delay(number)


@app.task
def ship(number):
    with closing(sqlite3.connect(FILES / "orders.sqlite3")) as connection:
        rows = connection.execute("SELECT * FROM placed WHERE number = ?", (number,)).fetchall()
    if not rows:
        raise LookupError(number)
