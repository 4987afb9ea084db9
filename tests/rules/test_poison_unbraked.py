"""Tasks that would be delivered for ever are found."""

from __future__ import annotations

import pytest

from tests.rules.conftest import FIRST, Lint

BAD = """
app.conf.update(task_acks_late=True, task_reject_on_worker_lost=True)
@app.task
def pay(): ...
"""

GOOD = [
    """
app.conf.update(task_acks_late=True, task_reject_on_worker_lost=True)
app.conf.task_retry_on_worker_lost = True
@app.task
def pay(): ...
""",
    """
app.conf.update(task_acks_late=True, task_reject_on_worker_lost=True)
app.conf.broker_url = "amqp://localhost"
app.conf.task_queues = (Queue("celery", queue_arguments={"x-queue-type": "quorum", "x-delivery-limit": 3}),)
@app.task
def pay(): ...
""",
    """
app.conf.task_acks_late = True
@app.task
def pay(): ...
""",
]


def test_nothing_counts_the_deliveries(lint: Lint) -> None:
    (finding,) = lint(BAD)
    assert (finding.rule, finding.subject, finding.where) == (
        "ACK001",
        "reject_on_worker_lost",
        f"shop.py:{FIRST}",
    )


@pytest.mark.parametrize("app", GOOD)
def test_a_brake_or_no_redelivery(lint: Lint, app: str) -> None:
    assert lint(app) == []


def test_a_call_of_its_own_may_be_a_brake(lint: Lint) -> None:
    app = """
        from celery import Task

        app.conf.update(task_acks_late=True, task_reject_on_worker_lost=True)

        class Base(Task):
            def __call__(self, *args, **kwargs):
                return super().__call__(*args, **kwargs)

        @app.task(base=Base)
        def pay(): ...
        """
    (finding,) = lint(app)
    assert (finding.severity, finding.where) == ("unknown", f"shop.py:{FIRST + 5}")
