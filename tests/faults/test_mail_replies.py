"""The mail server answers with the error that was asked for, at its step."""

from __future__ import annotations

import smtplib

import pytest

from harness.errors import UsageError
from harness.fault import injected
from harness.faults.mail_replies import MailReplies
from tests.faults.conftest import Shop


@pytest.mark.parametrize("code", [421, 451, 550])
def test_the_reply_comes_at_its_step_until_it_is_healed(code: int, shop: Shop) -> None:
    with (
        injected(MailReplies(code=code, at="mail"), shop.world),
        pytest.raises(smtplib.SMTPSenderRefused) as caught,
    ):
        send(shop)
    assert caught.value.smtp_code == code
    send(shop)


def test_a_step_that_there_is_not_is_refused_and_leaves_the_server_well(shop: Shop) -> None:
    with pytest.raises(UsageError), injected(MailReplies(at="quit"), shop.world):
        pass
    send(shop)


def send(shop: Shop) -> None:
    with smtplib.SMTP(*shop.inner.mail.address, timeout=60) as client:
        client.sendmail("a@example.org", ["b@example.org"], "Subject: x\r\n\r\nx\r\n")


@pytest.mark.parametrize("at", ["connect", "ehlo", "mail", "rcpt", "data", "end"])
@pytest.mark.parametrize("code", [450, 452, 552])
def test_every_step_can_be_the_one_and_nothing_is_kept(at: str, code: int, shop: Shop) -> None:
    before = len(shop.inner.mail.mails())
    with injected(MailReplies(code=code, at=at), shop.world), pytest.raises(smtplib.SMTPException) as caught:
        send(shop)
    assert str(code) in str(caught.value)
    assert len(shop.inner.mail.mails()) == before
