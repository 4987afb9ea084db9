"""Files of tasks that nothing loads are found."""

from __future__ import annotations

import pytest

from tests.rules.conftest import Lint

LOST = "from celery import shared_task\n\n\n@shared_task\ndef send(): ...\n"


def test_no_line_names_the_file(lint: Lint) -> None:
    (finding,) = lint("", files={"mails/tasks.py": LOST})
    assert (finding.rule, finding.subject, finding.where) == ("TSK003", "mails/tasks.py", "mails/tasks.py:4")


@pytest.mark.parametrize(
    "line", ["app.conf.include = ['mails.tasks']", "from mails import tasks", "import mails.tasks"]
)
def test_what_the_app_loads(lint: Lint, line: str) -> None:
    assert lint(line + "\n", files={"mails/tasks.py": LOST}) == []


def test_what_another_program_loads(lint: Lint) -> None:
    assert lint("", files={"mails/tasks.py": LOST, "other.py": "include = ['mails.tasks']\n"}) == []


@pytest.mark.parametrize("file", ["tests/tasks.py", "test_tasks.py", ".hidden/tasks.py"])
def test_what_is_a_test_or_hidden(lint: Lint, file: str) -> None:
    assert lint("", files={file: LOST}) == []
