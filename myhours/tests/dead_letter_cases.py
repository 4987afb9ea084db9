"""Where tasks go that failed for good."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO

from django.core import mail
from django.core.management import CommandError, call_command
from django.utils import timezone

from core import alerts, dead_letters, spool
from core.models import DeadLetter
from core.tasks import cleanup_old_logs, watch_dead_letters
from payroll.models import SalaryPayment
from payroll.tasks import process_salary_payment
from tests.failing import failing
from tests.in_process import InProcessTestCase


class DeadLetters(InProcessTestCase):
    """Where failed tasks go."""

    def test_admins_get_one_mail_and_only_for_critical_tasks(self) -> None:
        """However often the failure is reported."""
        letter = dead_letters.Letter("one", failing.name, "OSError()", "failed", args=["disk"])
        for _ in range(3):
            dead_letters.bury(letter)
        dead_letters.bury(dead_letters.Letter("two", cleanup_old_logs.name, "OSError()", "failed"))
        self.run_all("normal")
        alerts.send_once("one")
        (sent,) = mail.outbox
        self.assertEqual(sent.to, ["admin@myhours.com", "payroll@myhours.com"])
        self.assertEqual(DeadLetter.objects.count(), 2)

    def test_an_alert_that_was_not_published_is_sent_later(self) -> None:
        """The broker was away when the task died."""
        DeadLetter.objects.create(task_id="one", name=failing.name, error="", attempts=6, reason="failed")
        DeadLetter.objects.update(created_at=timezone.now() - timedelta(hours=1))
        watch_dead_letters.delay()
        self.run_all("normal")
        self.assertEqual(len(mail.outbox), 1)

    def test_a_letter_is_spooled_while_the_database_is_away(self) -> None:
        """And filed once it is back, once."""
        too_long = dead_letters.Letter("x" * 10, failing.name, "OSError()", "failed", attempts=-1)
        dead_letters.bury(too_long)  # the database refuses a negative count
        (path,) = (self.folder / "DEAD_LETTER_SPOOL_DIR").glob("*.json")
        path.write_text(path.read_text(encoding="utf-8").replace("-1", "1"), encoding="utf-8")
        self.assertEqual((spool.file_all(), spool.file_all()), (1, 0))
        self.assertEqual(DeadLetter.objects.get().task_id, "x" * 10)

    def test_replay_sends_the_same_arguments_once(self) -> None:
        """As a new task; a second replay is refused."""
        DeadLetter.objects.create(
            task_id="one", name=process_salary_payment.name, args=[1, "2026-01", 20_000], error="", attempts=6
        )
        call_command("deadletters", "replay", "one", stdout=StringIO())
        self.assertEqual([run.state for run in self.run_all("critical")], ["SUCCESS"])
        self.assertEqual(SalaryPayment.objects.get().amount_cents, 20_000)
        with self.assertRaises(CommandError):
            call_command("deadletters", "replay", "one", stdout=StringIO())

    def test_purge_removes_only_what_a_mail_has_warned_of(self) -> None:
        """And nothing at all without --yes."""
        for name in ("old", "new"):
            DeadLetter.objects.create(task_id=name, name=cleanup_old_logs.name, error="", attempts=1)
        long_ago = timezone.now() - timedelta(days=400)
        DeadLetter.objects.filter(task_id="old").update(created_at=long_ago)
        call_command("deadletters", "purge", "--yes", stdout=StringIO())
        self.assertEqual(DeadLetter.objects.count(), 2)
        watch_dead_letters.delay()
        self.run_all("normal")
        self.assertIn("1 dead letters are older", mail.outbox[-1].subject)
        call_command("deadletters", "purge", stdout=StringIO())
        self.assertEqual(DeadLetter.objects.count(), 2)
        call_command("deadletters", "purge", "--yes", stdout=StringIO())
        self.assertEqual(DeadLetter.objects.get().task_id, "new")
