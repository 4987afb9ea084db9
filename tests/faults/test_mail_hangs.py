"""The mail server takes connections and says nothing."""

from __future__ import annotations

import smtplib
import socket

import pytest

from harness.fault import injected
from harness.faults.mail_hangs import MailHangs
from tests.faults.conftest import Shop


def test_there_is_no_greeting_until_it_is_healed(shop: Shop) -> None:
    address = shop.inner.mail.address
    with (
        injected(MailHangs(), shop.world),
        socket.create_connection(address, timeout=0.2) as client,
        pytest.raises(TimeoutError),
    ):
        client.recv(1)
    smtplib.SMTP(*address, timeout=60).quit()


def test_an_hour_of_the_stage_s_clock_do_not_end_it(shop: Shop) -> None:
    """The server has no timer of its own."""
    if shop.world.warp == "off":
        pytest.skip("an hour does not pass without warp")
    address = shop.inner.mail.address
    with injected(MailHangs(), shop.world), socket.create_connection(address, timeout=0.2) as client:
        shop.world.advance(lambda: False, within_s=3600)
        with pytest.raises(TimeoutError):
            client.recv(1)
