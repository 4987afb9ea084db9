"""The mail server resets the connection in the middle of a mail."""

from __future__ import annotations

import smtplib

import pytest

from harness.fault import injected
from harness.faults.mail_drops import MailDrops
from tests.faults.conftest import Shop


def test_the_mail_is_not_kept_and_the_next_one_after_healing_is(shop: Shop) -> None:
    before = len(shop.inner.mail.mails())
    with injected(MailDrops(), shop.world), pytest.raises((smtplib.SMTPServerDisconnected, ConnectionError)):
        send(shop)
    assert len(shop.inner.mail.mails()) == before
    send(shop)
    assert len(shop.inner.mail.mails()) == before + 1


def send(shop: Shop) -> None:
    with smtplib.SMTP(*shop.inner.mail.address, timeout=60) as client:
        client.sendmail("a@example.org", ["b@example.org"], "Subject: x\r\n\r\n" + "x" * 50_000 + "\r\n")


@pytest.mark.parametrize(("at", "kept"), [("end", 0), ("stored", 1)])
def test_before_the_mail_is_kept_or_after_it(at: str, kept: int, shop: Shop) -> None:
    before = len(shop.inner.mail.mails())
    with injected(MailDrops(at=at), shop.world), pytest.raises((smtplib.SMTPServerDisconnected, OSError)):
        send(shop)
    assert len(shop.inner.mail.mails()) == before + kept
    send(shop)
    assert len(shop.inner.mail.mails()) == before + kept + 1
