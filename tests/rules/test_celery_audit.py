"""What celery-audit 0.1.0 (PyPI) reports is reported here too, and its one wrong claim is not."""

from __future__ import annotations

import pytest

from tests.rules.conftest import Lint

TASK = "\n@app.task(name='pay')\ndef pay(): ...\n"
EXAMPLES = {
    "CEL001": ("app.conf.accept_content = ['json', 'pickle']", "SEC001"),
    "CEL002": ("app.conf.task_serializer = 'pickle'", "SEC002"),
    "CEL003": ("app.conf.broker_url = 'redis://celery:s3cret@localhost:6379/0'", "SEC003"),
    "CEL004": (TASK, "TIM005"),
    "CEL005": ("app.conf.update(task_time_limit=7200, task_soft_time_limit=7200)" + TASK, "TIM002"),
    "CEL006": ("@app.task(autoretry_for=(OSError,), time_limit=0)\ndef flaky(): ...", "TIM004"),
    "CEL007": ("app.conf.task_acks_late = True" + TASK, "PRI004"),
    "CEL008": ("@app.task(autoretry_for=(TimeoutError,), max_retries=None)\ndef call(): ...", "RTY003"),
    "CEL009": ("@app.task(autoretry_for=(TimeoutError,))\ndef call(): ...", "RTY002"),
    "CEL010": ("@app.task(autoretry_for=(Exception,))\ndef call(): ...", "RTY004"),
    "CEL011": ("app.conf.result_expires = None" + TASK, "RES002"),
    "CEL012": ("app.conf.update(task_acks_late=True, task_time_limit=7200)" + TASK, "ACK003"),
    "CEL013": ("app.conf.task_routes = {'reindex': {'queue': 'search'}}" + TASK, "RTE004"),
    "CEL014": (
        "app.conf.task_queues = [Queue('celery')]"
        + TASK
        + "def sell():\n    pay.apply_async(queue='invoices')",
        "RTE003",
    ),
    "CEL015": ("@app.task\ndef add(): ...", "TSK002"),
    "CEL017": ("app.conf.beat_schedule = {'nightly': {'task': 'rebuild', 'schedule': 60}}", "SCH001"),
    "CEL018": (
        "app.conf.beat_schedule = {'often': {'task': 'pay', 'schedule': 60}}\n"
        "app.conf.task_time_limit = 300" + TASK,
        "SCH002",
    ),
    "CEL019": ("app.conf.broker_connection_retry = False", "OPS008"),
    "CEL020": ("app.conf.task_always_eager = True", "OPS007"),
    "CEL021": (
        "app.conf.update(task_queues=[Queue('celery')], task_create_missing_queues=False)"
        + TASK
        + "def sell():\n    pay.apply_async(queue='invoices')",
        "RTE006",
    ),
    "CEL022": (
        "from contextlib import nullcontext as atomic"
        + TASK
        + "def sell():\n    with atomic():\n        pay.delay()",
        "PUB002",
    ),
    "CEL023": (
        "from celery.schedules import crontab\n"
        "app.conf.beat_schedule = {'nightly': {'task': 'pay', 'schedule': crontab(hour=9, minute=0)}}" + TASK,
        "SCH003",
    ),
    "CEL024": ("app.conf.task_time_limit = 300" + TASK, "PRI004"),
    "CEL025": ("app.conf.result_backend = None" + TASK, "RES003"),
    "CEL026": ("app.conf.beat_schedule = {'often': {'task': 'pay', 'schedule': 60}}" + TASK, "SCH004"),
}
"""One example of each of its rules, by the rule that finds it here; CEL016 needs a second file."""


@pytest.mark.parametrize("theirs", EXAMPLES)
def test_its_example_is_found(lint: Lint, theirs: str) -> None:
    app, ours = EXAMPLES[theirs]
    assert {each.rule for each in lint(app + "\n", rules_asked=[ours])} == {ours}


def test_its_task_that_no_import_reaches_is_found(lint: Lint) -> None:
    lost = "from celery import shared_task\n\n@shared_task\ndef send(): ...\n"
    (finding,) = lint("", files={"lost/tasks.py": lost}, rules_asked=["TSK003"])
    assert finding.subject == "lost/tasks.py"


def test_a_missing_max_retries_is_three_and_no_finding(lint: Lint) -> None:
    """Its CEL008 calls this unbounded; `celery/app/task.py` has ``max_retries = 3``."""
    assert lint("@app.task(autoretry_for=(TimeoutError,))\ndef call(): ...\n", rules_asked=["RTY003"]) == []


def test_its_clean_project_has_nothing_of_severity_high(lint: Lint) -> None:
    clean = """
        app.conf.update(
            accept_content=["json"], task_serializer="json", result_serializer="json", task_time_limit=300,
            task_soft_time_limit=240, task_acks_late=True, worker_prefetch_multiplier=1,
        )

        @shared_task(name="clean.tasks.add")
        def add(x, y):
            return x + y
        """
    found = lint(clean, rules_asked=[ours for _, ours in EXAMPLES.values()])
    assert [each for each in found if each.severity == "high"] == []
