"""A launcher for each file, and Celery messages put into a broker as kombu puts them."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from celery import Celery

from harness.broker import Broker
from harness.launcher import ProcessLauncher


@pytest.fixture(scope="module")
def launcher() -> Iterator[ProcessLauncher]:
    """Starts processes in real time; everything ends with the file."""
    folder, token = ProcessLauncher.new_folder()
    opened = ProcessLauncher({"active": {}, "passive": {}}, folder, token)
    try:
        yield opened
    finally:
        opened.close()


def need(kind: type[Broker]) -> None:
    """Skip where the server is not there; fail where CI says that it must be."""
    found = kind.available()
    if not found.ok:
        text = f"{found.why}: {found.remedy}"
        if os.environ.get("CI"):
            pytest.fail(text)
        pytest.skip(text)


def publish(
    broker: Broker, task: str, task_id: str, args: list[int], queue: str, priority: int | None = None
) -> None:
    """Send one task as a Celery app does."""
    app = Celery("publisher", broker=broker.url(), set_as_current=False)
    if broker.url().startswith("amqp"):
        # Only what RabbitMQ has confirmed is on disk (https://www.rabbitmq.com/docs/confirms).
        app.conf.broker_transport_options = {"confirm_publish": True}
    options = {} if priority is None else {"priority": priority}
    app.send_task(task, args, task_id=task_id, queue=queue, ignore_result=True, **options)
    app.close()
