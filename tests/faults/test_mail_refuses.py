"""The mail server's port is closed while it holds."""

from __future__ import annotations

import smtplib

import pytest

from harness.fault import injected
from harness.faults.mail_refuses import MailRefuses
from tests.faults.conftest import Shop


def test_connections_are_refused_until_it_is_healed(shop: Shop) -> None:
    address = shop.inner.mail.address
    with injected(MailRefuses(), shop.world), pytest.raises(ConnectionRefusedError):
        smtplib.SMTP(*address, timeout=60)
    smtplib.SMTP(*address, timeout=60).quit()
