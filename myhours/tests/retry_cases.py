"""What is retried, how often, after how long, and what is braked."""

from __future__ import annotations

from core import coordination
from core.models import DeadLetter
from myhours import policy
from payroll.models import SalaryPayment
from payroll.tasks import process_salary_payment
from tests.failing import failing
from tests.in_process import InProcessTestCase


class Retries(InProcessTestCase):
    """Which failures are retried, how often, and after how long."""

    def test_transient_failures_are_retried_five_times_and_then_filed(self) -> None:
        """Filesystem, mail, database and connections: six runs, delays in [d/2, d], one dead letter."""
        for error in ("disk", "mail", "database", "connection"):
            with self.subTest(error):
                task_id = failing.delay(error).id
                runs = self.run_all("critical")
                self.assertEqual([run.state for run in runs], ["RETRY"] * 5 + ["FAILURE"])
                for run, nominal_s in zip(runs[1:], (30, 60, 120, 240, 300), strict=True):
                    self.assertGreater(run.delay_s, nominal_s / 2 - 5)
                    self.assertLessEqual(run.delay_s, nominal_s)
                letter = DeadLetter.objects.get(task_id=task_id)
                self.assertEqual((letter.name, letter.args, letter.kwargs), (failing.name, [error], {}))
                self.assertEqual((letter.attempts, letter.queue), (6, "critical"))
                self.assertIn("Traceback", letter.traceback)

    def test_mistakes_and_soft_limits_are_not_retried(self) -> None:
        """One run, one dead letter."""
        for error in ("bug", "soft limit", "rejected"):
            with self.subTest(error):
                task_id = failing.delay(error).id
                self.assertEqual(len(self.run_all("critical")), 1)
                self.assertEqual(DeadLetter.objects.get(task_id=task_id).attempts, 1)

    def test_a_retry_stays_in_its_queue(self) -> None:
        """Nothing of it goes to the default queue."""
        failing.delay("disk")
        self.run_next("critical")
        self.assertEqual(self.run_all("normal"), [])
        self.assertEqual(len(self.run_all("critical")), 5)

    def test_without_redis_a_task_waits_instead_of_running_unguarded(self) -> None:
        """Locks, limits and brake are away, so is the permission to run."""
        process_salary_payment.delay(1, "2026-01", 20_000)
        coordination.client().connection_pool.connection_kwargs["server"].connected = False
        run = self.run_next("critical")
        self.assertEqual(run.state, "RETRY")
        self.assertEqual(SalaryPayment.objects.count(), 0)


class Brake(InProcessTestCase):
    """Tasks that take their process down."""

    def test_a_task_whose_process_died_three_times_is_filed_unrun(self) -> None:
        """Each death leaves one count behind; the fourth delivery does not reach the body."""
        task_id = process_salary_payment.delay(1, "2026-01", 20_000).id
        for _ in range(policy.RUNS_BEFORE_BRAKE):
            coordination.run_begins(task_id, remembered_s=60)
        self.assertEqual(self.run_next("critical").state, "FAILURE")
        self.assertEqual(SalaryPayment.objects.count(), 0)
        letter = DeadLetter.objects.get(task_id=task_id)
        self.assertIn("Poisonous", letter.error)
        self.assertEqual(letter.attempts, policy.RUNS_BEFORE_BRAKE)

    def test_runs_that_end_do_not_count(self) -> None:
        """Six failing runs of one task are no reason to brake."""
        failing.delay("disk")
        self.assertNotIn("Poisonous", [type(run.outcome).__name__ for run in self.run_all("critical")])
