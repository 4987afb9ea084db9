"""The stage's mail server keeps every mail, and misbehaves as it is told."""

from __future__ import annotations

import os
import signal
import smtplib
import socket
import threading
import time
from collections.abc import Iterator
from email.message import EmailMessage

import pytest

from harness.errors import StageError, UsageError
from harness.launcher import ProcessLauncher, wait_until
from harness.mail_sink import COPY, TEXT_LIMIT, MailSink

TO = ["admin@myhours.com", "manager@myhours.com"]


@pytest.fixture(scope="module")
def launcher() -> Iterator[ProcessLauncher]:
    """A launcher on the machine's own clock."""
    folder, token = ProcessLauncher.new_folder()
    launcher = ProcessLauncher({"active": {}, "passive": {}}, folder, token)
    yield launcher
    launcher.close()


@pytest.fixture(scope="module")
def server(launcher: ProcessLauncher) -> MailSink:
    """One running server for all tests of this file."""
    sink = MailSink(launcher)
    sink.start()
    return sink


@pytest.fixture
def sink(server: MailSink) -> Iterator[MailSink]:
    """The server, told to behave at the beginning and at the end of each test."""
    server.behave("accept")
    yield server
    server.behave("accept")


def mail(subject: str = "Task failed", text: str = "payroll failed") -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "celery@myhours.com", ", ".join(TO), subject
    message.set_content(text)
    return message


def send(sink: MailSink, message: EmailMessage | None = None, timeout_s: float = 60) -> None:
    with smtplib.SMTP(*sink.address, timeout=timeout_s) as client:
        client.send_message(message or mail())


def test_an_accepted_mail_is_kept_with_recipients_sender_subject_text_and_time(sink: MailSink) -> None:
    before = len(sink.mails())
    began_ns = time.monotonic_ns()
    send(sink, mail("Zahlung überfällig", "größer\n"))
    (kept,) = sink.mails()[before:]
    assert kept["to"] == TO
    assert kept["sender"] == "celery@myhours.com"
    assert kept["subject"] == "Zahlung überfällig"
    assert kept["text"] == "größer\n"
    assert began_ns <= kept["mono_ns"] <= time.monotonic_ns()


def test_text_is_cut_at_the_limit(sink: MailSink) -> None:
    before = len(sink.mails())
    send(sink, mail(text="x" * 3 * TEXT_LIMIT))
    assert len(sink.mails()[before]["text"]) == TEXT_LIMIT


def test_what_is_no_mail_is_kept_as_it_came(sink: MailSink) -> None:
    before = len(sink.mails())
    with smtplib.SMTP(*sink.address, timeout=60) as client:
        client.sendmail(
            "a@example.org", TO, b"Content-Type: text/plain; charset=nonsense\r\n\r\n\xff\xfe\r\n"
        )
    assert "nonsense" in sink.mails()[before]["text"]


def test_mails_are_read_once_each(sink: MailSink) -> None:
    before = len(sink.mails())
    send(sink)
    send(sink)
    assert len(sink.mails()) == len(sink.mails()) == before + 2


def test_a_refused_connection_meets_a_closed_port_until_it_is_healed(sink: MailSink) -> None:
    sink.behave("refuse")
    with pytest.raises(ConnectionRefusedError):
        send(sink)
    sink.behave("accept")
    send(sink)


@pytest.mark.parametrize("mode", ["hang", "drop", "reply"])
def test_the_port_opens_again_for_every_other_mode(mode: str, sink: MailSink) -> None:
    sink.behave("refuse")
    sink.behave(mode, code=451, at="rcpt")
    socket.create_connection(sink.address, timeout=60).close()


@pytest.mark.parametrize("code", [421, 450, 451, 452, 550, 552])
@pytest.mark.parametrize(
    ("at", "error"),
    [
        ("connect", smtplib.SMTPConnectError),
        ("ehlo", smtplib.SMTPHeloError),
        ("mail", smtplib.SMTPSenderRefused),
        ("rcpt", smtplib.SMTPRecipientsRefused),
        ("data", smtplib.SMTPDataError),
        ("end", smtplib.SMTPDataError),
    ],
)
def test_a_reply_is_given_at_its_step_and_nothing_is_kept(
    at: str, error: type[smtplib.SMTPException], code: int, sink: MailSink
) -> None:
    before = len(sink.mails())
    sink.behave("reply", code=code, at=at)
    # After 421 the server closes: at EHLO, `smtplib` finds that out by asking again with HELO.
    also = smtplib.SMTPServerDisconnected if (code, at) == (421, "ehlo") else error
    with pytest.raises((error, also)) as caught:
        send(sink)
    assert isinstance(caught.value, smtplib.SMTPServerDisconnected) or str(code) in str(caught.value)
    assert len(sink.mails()) == before


@pytest.mark.parametrize("at", ["connect", "ehlo", "mail", "rcpt", "data", "middle", "end"])
def test_a_dropped_connection_is_gone_and_nothing_is_kept(at: str, sink: MailSink) -> None:
    before = len(sink.mails())
    sink.behave("drop", at=at)
    with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionError)):
        send(sink, mail(text="x" * 100_000))
    assert len(sink.mails()) == before


def test_a_drop_is_a_reset_and_not_an_orderly_end(sink: MailSink) -> None:
    sink.behave("drop", at="connect")
    with socket.create_connection(sink.address, timeout=60) as client, pytest.raises(ConnectionResetError):
        client.recv(100)


@pytest.mark.parametrize("at", ["connect", "ehlo", "mail", "rcpt", "data", "middle", "end"])
def test_a_hanging_server_answers_nothing_until_the_client_gives_up(at: str, sink: MailSink) -> None:
    before = len(sink.mails())
    sink.behave("hang", at=at)
    with pytest.raises((TimeoutError, smtplib.SMTPServerDisconnected)):
        send(sink, timeout_s=0.3)
    assert len(sink.mails()) == before


@pytest.mark.parametrize(("mode", "code"), [("drop", 250), ("hang", 250), ("reply", 451)])
def test_a_mail_can_be_kept_without_the_client_learning_it(mode: str, code: int, sink: MailSink) -> None:
    before = len(sink.mails())
    sink.behave(mode, at="stored", code=code)
    with pytest.raises((smtplib.SMTPException, OSError)):
        send(sink, timeout_s=1)
    assert len(sink.mails()) == before + 1
    sink.behave("accept")
    send(sink)
    assert len(sink.mails()) == before + 2


def test_a_hang_of_one_client_is_no_hang_of_others(sink: MailSink) -> None:
    sink.behave("hang", at="connect")
    hanging = socket.create_connection(sink.address, timeout=0.2)
    with pytest.raises(TimeoutError):
        hanging.recv(1)
    sink.behave("accept")
    send(sink)
    hanging.close()


def test_many_clients_at_once_lose_no_mail(sink: MailSink) -> None:
    before = len(sink.mails())
    threads = [threading.Thread(target=send, args=(sink, mail(f"number {n}"))) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {kept["subject"] for kept in sink.mails()[before:]} == {f"number {n}" for n in range(20)}


@pytest.mark.parametrize(
    ("mode", "at", "code"),
    [("sulk", "data", 250), ("hang", "quit", 250), ("reply", "data", 99), ("reply", "middle", 451)],
)
def test_an_order_that_means_nothing_is_refused(mode: str, at: str, code: int, sink: MailSink) -> None:
    with pytest.raises(UsageError):
        sink.behave(mode, at=at, code=code)


def test_a_copy_of_what_is_kept_goes_to_another_server(
    launcher: ProcessLauncher, sink: MailSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To look at it, in Mailpit for one; one that is not there changes nothing."""
    monkeypatch.setenv(COPY, f"127.0.0.1:{sink.address[1]}")
    before = len(sink.mails())
    (launcher.folder / "copied").mkdir()
    first = MailSink(launcher)
    first.folder = launcher.folder / "copied"
    first.start()
    send(first, mail("to be seen"))
    assert wait_until(lambda: len(sink.mails()) == before + 1, 30)
    assert (sink.mails()[-1]["subject"], sink.mails()[-1]["to"]) == ("to be seen", TO)
    sink.behave("refuse")
    send(first, mail("unseen"))
    assert [kept["subject"] for kept in first.mails()] == ["to be seen", "unseen"]
    launcher.end(first.pid)


def test_what_was_kept_survives_the_server_and_a_dead_server_is_said_so(launcher: ProcessLauncher) -> None:
    class Second(MailSink):
        """Keeps its mails beside those of the first."""

    (launcher.folder / "second").mkdir()
    sink = Second(launcher)
    sink.folder = launcher.folder / "second"
    sink.start()
    send(sink)
    os.kill(sink.pid, signal.SIGKILL)
    launcher.end(sink.pid)
    assert len(sink.mails()) == 1
    with pytest.raises(StageError, match="does not run"):
        sink.behave("accept")
