"""Salaries are not paid, and nobody knows."""

from __future__ import annotations

from harness.plugin import Judgement


def test_a_failed_payment_is_mailed_to_the_admins_once(myhours: Judgement) -> None:
    """To both of them, within two minutes, one mail for each task."""
    alert = myhours.contract.tier("critical").alert
    assert alert is not None
    assert alert.to == ("admin@myhours.com", "payroll@myhours.com")
    myhours.assert_kept("alert_sent", "critical")


def test_as_documented_no_mail_is_ever_sent(documented: Judgement) -> None:
    """The handler is not called; and it looks for 'payroll' in an id that is a random UUID."""
    documented.assert_broken("alert_sent", "critical", says="announced to nobody")
    assert not list(documented.history.of("alert-sent"))
