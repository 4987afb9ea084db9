"""Mails that cannot be sent are found."""

from __future__ import annotations

import pytest

from tests.rules.conftest import FIRST, Lint

BAD = """
def alert():
    from django.core.mail import send_mail
    send_mail('subject', 'text', recipient_list=['a@b.c'])
"""

GOOD = [
    """
def alert():
    from django.core.mail import send_mail
    send_mail('subject', 'text', None, ['a@b.c'])
""",
    """
def alert(**options):
    from django.core.mail import send_mail
    send_mail('subject', 'text', **options)
""",
    """
def send_mail(text): ...
def alert():
    send_mail('text')
""",
]


def test_no_from_email(lint: Lint) -> None:
    (finding,) = lint(BAD)
    assert (finding.rule, finding.subject, finding.where) == ("OPS006", "send_mail", f"shop.py:{FIRST + 2}")


@pytest.mark.parametrize("app", GOOD)
def test_a_sender_or_another_send_mail(lint: Lint, app: str) -> None:
    assert lint(app) == []
