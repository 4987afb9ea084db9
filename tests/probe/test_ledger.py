"""Mails and files are counted for the task that sends or writes them, on a stock worker."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from harness.fault import injected
from harness.faults.mail_replies import MailReplies
from harness.history import Event
from harness.mail_digest import digest
from tests.driver import Driver, contract_for, opened

APP = """
import os
import smtplib
from email.message import EmailMessage
from celery import Celery

app = Celery("clerk", broker="redis://127.0.0.1:1/0", backend="redis://127.0.0.1:1/1")
FILES = os.environ["CLERK_FILES"]

def tell(n):
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "clerk@example.com", "boss@example.com", f"sale {n}"
    message.set_content(".a line that begins with a dot\\n\\nend")
    with smtplib.SMTP("mail.example.invalid") as server:
        server.send_message(message)

@app.task(name="clerk.tell")
def once(n):
    tell(n)

@app.task(name="clerk.insist")
def twice(n):
    tell(n)
    tell(n)

@app.task(name="clerk.try_to_tell")
def try_to_tell(n):
    try:
        tell(n)
    except smtplib.SMTPException:
        pass

@app.task(name="clerk.write")
def write(n):
    for mode in ("w", "a"):
        with open(f"{FILES}/report-{n}", mode) as file:
            file.write("text")
    with open(f"{FILES}/report-{n}") as file:
        file.read()

@app.task(name="clerk.replace")
def replace(n):
    with open(f"{FILES}/partial-{n}", "w") as file:
        file.write("text")
    os.replace(f"{FILES}/partial-{n}", f"{FILES}/whole-{n}")
"""


@pytest.fixture(scope="module")
def clerk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driver]:
    """One stage for all tests of this file."""
    contract = replace(contract_for("clerk.*"), environment={"CLERK_FILES": "{files}"})
    with opened(tmp_path_factory.mktemp("clerk"), {"clerk.py": APP}, contract, "clerk:app") as driver:
        yield driver


def effects(clerk: Driver, task: str) -> list[Event]:
    """What one run of a task did to the outside."""
    task_id = clerk.send(task, 1)
    assert clerk.outcome(task_id).kind == "task-succeeded"
    return clerk.events("effect", task_id=task_id)


def test_a_mail_that_the_server_keeps_is_an_effect_of_the_task_that_sent_it(clerk: Driver) -> None:
    (mail,) = effects(clerk, "clerk.tell")
    assert (mail.get("effect"), mail.get("what"), mail.task) == ("mail", "boss@example.com", "clerk.tell")


def test_equal_mails_are_counted_one_by_one(clerk: Driver) -> None:
    assert [event.get("effect") for event in effects(clerk, "clerk.insist")] == ["mail", "mail"]


def test_a_mail_that_the_server_refuses_is_none(clerk: Driver) -> None:
    with injected(MailReplies(code=451, at="end"), clerk.world):
        assert effects(clerk, "clerk.try_to_tell") == []


def test_a_file_is_counted_once_in_a_run_however_often_it_is_opened(clerk: Driver) -> None:
    (file,) = effects(clerk, "clerk.write")
    assert (file.get("effect"), file.get("what").rpartition("/")[2]) == ("file", "report-1")


def test_a_file_that_is_renamed_is_told_with_both_names(clerk: Driver) -> None:
    partial, whole = effects(clerk, "clerk.replace")
    assert whole.get("what").endswith("/whole-1")
    assert whole.get("renamed") == partial.get("key")


def test_a_second_run_writes_a_second_time(clerk: Driver) -> None:
    assert len(effects(clerk, "clerk.write")) == len(effects(clerk, "clerk.write")) == 1


def test_a_mail_has_the_same_digest_at_both_ends() -> None:
    assert digest("a\nb\n") == digest(b"a\r\nb\r\n") == digest(b"a\r\nb")
    assert digest("a") != digest("b")
