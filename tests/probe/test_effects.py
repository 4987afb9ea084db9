"""What a task does to the outside is on record, once, as that task's."""

from __future__ import annotations

import json
import smtplib
from pathlib import Path
from typing import Any

import pytest
from celery import Celery

from harness.probe.effects import Effects
from harness.probe.record import Recorder


class Server(smtplib.SMTP):
    """A connection to a mail server that takes everything, or refuses everybody."""

    def __init__(self, code: int) -> None:
        self.code = code
        super().__init__()

    def ehlo_or_helo_if_needed(self) -> None: ...

    def mail(self, *_: Any) -> tuple[int, bytes]:
        return 250, b"ok"

    def rcpt(self, *_: Any) -> tuple[int, bytes]:
        return 250, b"ok"

    def rset(self) -> tuple[int, bytes]:
        return 250, b"ok"

    def data(self, _message: Any) -> tuple[int, bytes]:
        return self.code, b"ok"

    def close(self) -> None: ...


@pytest.fixture
def events(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(smtplib.SMTP, "sendmail", smtplib.SMTP.sendmail)  # put back afterwards
    Effects(Recorder(tmp_path / "events.jsonl", "child:w1"), "redis://127.0.0.1:1/0").install_mails()
    return tmp_path / "events.jsonl"


def test_a_mail_that_the_server_took_is_an_effect_of_its_task(events: Path) -> None:
    app = Celery("shop", set_as_current=False)

    def send(code: int) -> None:
        Server(code).sendmail("a@example.com", ["b@example.com"], "Subject: sold\n\n")

    tell = app.task(send, name="shop.tell")
    tell.apply(args=[250], task_id="a")
    tell.apply(args=[550], task_id="b")
    Server(250).sendmail("a@example.com", ["b@example.com"], "Subject: of no task\n\n")
    (found,) = [json.loads(line) for line in events.read_text().splitlines()]
    assert (found["kind"], found["task_id"], found["task"]) == ("effect", "a", "shop.tell")
    assert (found["data"]["effect"], found["data"]["what"]) == ("mail", "['b@example.com']")
