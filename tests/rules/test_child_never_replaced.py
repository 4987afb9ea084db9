"""Children that live for ever are found."""

from __future__ import annotations

import pytest

from tests.rules.conftest import Lint

BAD = """
@app.task
def pay(): ...
"""

GOOD = [
    "app.conf.worker_max_tasks_per_child = 100\n",
    "app.conf.worker_max_memory_per_child = 100_000\n",
    "app.conf.worker_pool = 'threads'\n",
]


def test_no_limit_of_tasks_or_memory(lint: Lint) -> None:
    (finding,) = lint(BAD)
    assert (finding.rule, finding.subject, finding.where) == (
        "OPS003",
        "worker_max_tasks_per_child",
        "shop.py:5",
    )


@pytest.mark.parametrize("app", GOOD)
def test_either_of_them(lint: Lint, app: str) -> None:
    assert lint(app) == []


def test_a_command_may_say_it(lint: Lint) -> None:
    files = {"Procfile": "one: celery -A shop worker --max-tasks-per-child 50\n"}
    assert lint(BAD, files=files) == []
