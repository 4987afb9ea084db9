"""Mails about dead letters."""

from __future__ import annotations

from django.conf import settings
from django.core.mail import EmailMessage
from django.utils import timezone

from core.models import DeadLetter


def send_once(task_id: str) -> bool:
    """Mail the admins about one dead letter unless it was done; False if there was nothing to do.

    The letter is marked after the mail is accepted. A server that accepts and then breaks the
    connection gets the mail again, under the same Message-ID.
    """
    letter = DeadLetter.objects.get(task_id=task_id)
    if letter.alerted_at or not settings.CELERY_ADMIN_EMAILS:
        return False
    EmailMessage(
        subject=f"{letter.name} failed for good",
        body=(
            f"Task {letter.task_id}\n{letter.name}\nargs {letter.args}\nkwargs {letter.kwargs}\n"
            f"attempts {letter.attempts}, queue {letter.queue}, {letter.reason}\n\n{letter.error}\n\n"
            f"See it: manage.py deadletters show {letter.task_id}\n"
            f"Send it again: manage.py deadletters replay {letter.task_id}\n"
        ),
        to=settings.CELERY_ADMIN_EMAILS,
        headers={"Message-ID": f"<dead-letter-{letter.task_id}@myhours.com>"},
    ).send()
    DeadLetter.objects.filter(pk=letter.pk).update(alerted_at=timezone.now())
    return True


def warn_of_retention(letters: list[DeadLetter]) -> None:
    """One mail about letters older than the retention time; nothing but ``purge`` removes them."""
    EmailMessage(
        subject=f"{len(letters)} dead letters are older than {settings.DEAD_LETTER_RETENTION_DAYS} days",
        body="\n".join(f"{letter.created_at:%Y-%m-%d} {letter.task_id} {letter.name}" for letter in letters)
        + "\n\nThey stay until someone runs: manage.py deadletters purge\n",
        to=settings.CELERY_ADMIN_EMAILS,
    ).send()
    DeadLetter.objects.filter(pk__in=[letter.pk for letter in letters]).update(
        retention_alerted_at=timezone.now()
    )
