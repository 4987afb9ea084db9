"""Broker, Redis and worker in the test process: kombu's memory transport, fakeredis, Celery's tracer."""

from __future__ import annotations

import logging
import os
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest import mock

import fakeredis
import redis
from celery.app.trace import build_tracer
from django.test import TransactionTestCase, override_settings

from core import coordination
from core.seed import example_data
from myhours import policy
from myhours.celery import app

ADDRESSES = (
    "CELERY_BROKER_URL",
    "CELERY_BROKER_READ_URL",
    "CELERY_BROKER_WRITE_URL",
    "CELERY_RESULT_BACKEND",
)


@dataclass(frozen=True, slots=True)
class Run:
    """What one delivery of a message came to: the task's result or exception, and how long it was delayed."""

    task_id: str
    name: str
    attempt: int
    delay_s: float
    outcome: Any
    state: str


class InProcessTestCase(TransactionTestCase):
    """Publishing and running tasks without any other process."""

    def setUp(self) -> None:
        """Empty queues, an empty Redis, example rows and folders of its own."""
        # These win over `app.conf` (celery/app/utils.py): the tests would publish to the real broker.
        self.enterContext(mock.patch.dict(os.environ))
        for variable in ADDRESSES:
            os.environ.pop(variable, None)
        app.conf.update(broker_url="memory://", result_backend="cache+memory://", task_send_sent_event=False)
        self.purge()
        logging.disable(logging.CRITICAL)
        self.addCleanup(logging.disable, logging.NOTSET)
        server = fakeredis.FakeServer()
        self._from_url = redis.Redis.from_url
        redis.Redis.from_url = lambda *_, **__: fakeredis.FakeRedis(server=server, decode_responses=True)
        self.addCleanup(setattr, redis.Redis, "from_url", self._from_url)
        coordination.client.cache_clear()
        self.addCleanup(coordination.client.cache_clear)
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        folders = {name: self.folder / name for name in ("REPORTS_DIR", "LOGS_DIR", "DEAD_LETTER_SPOOL_DIR")}
        self.enterContext(override_settings(**folders))
        example_data()

    def purge(self) -> None:
        """Forget what is queued."""
        with app.connection_for_write() as connection, connection.channel() as channel:
            for queue in app.amqp.queues.values():
                bound = queue(channel)
                bound.declare()
                bound.purge()

    def run_next(self, tier: str) -> Run | None:
        """Take the next message of a tier, whatever its ETA, and run it as a worker's child does."""
        with app.connection_for_read() as connection, connection.channel() as channel:
            message = app.amqp.queues[tier](channel).get()
            if message is None:
                return None
            message.ack()
        headers = message.headers
        args, kwargs, embed = message.payload
        eta = datetime.fromisoformat(headers["eta"]) if headers.get("eta") else None
        request = {
            **headers,
            **embed,
            "args": args,
            "kwargs": kwargs,
            "is_eager": False,
            "delivery_info": {"exchange": "", "routing_key": tier, "redelivered": False},
        }
        task = app.tasks[headers["task"]]
        traced = build_tracer(task.name, task, app=app)(headers["id"], args, kwargs, request)
        return Run(
            task_id=headers["id"],
            name=task.name,
            attempt=headers["retries"] + 1,
            delay_s=(eta - datetime.now(UTC)).total_seconds() if eta else 0.0,
            outcome=traced.info.retval if traced.info else traced.retval,
            state=traced.info.state if traced.info else "SUCCESS",
        )

    def run_all(self, tier: str = policy.DEFAULT.name) -> list[Run]:
        """Run until the tier's queue is empty; the retries that a run publishes are run too."""
        runs = []
        while (run := self.run_next(tier)) is not None:
            runs.append(run)
            assert len(runs) < 50, "a task that is never done"
        return runs
