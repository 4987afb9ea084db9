"""What workers agree on: locks and rates."""

from __future__ import annotations

import time

from celery.exceptions import Ignore

from core import coordination
from core.models import DeadLetter
from payroll.models import Payroll, SalaryPayment
from payroll.tasks import calculate_payroll, process_salary_payment
from tests.in_process import InProcessTestCase


class Deduplication(InProcessTestCase):
    """Equal tasks exclude each other."""

    def test_the_key_does_not_depend_on_how_arguments_are_written(self) -> None:
        """Positional, by name, in another order: one key; another month: another key."""
        keys = {
            calculate_payroll.lock_key((1, "2026-01"), {}),
            calculate_payroll.lock_key((1,), {"month": "2026-01"}),
            calculate_payroll.lock_key((), {"month": "2026-01", "employee_id": 1}),
        }
        self.assertEqual(len(keys), 1)
        self.assertRegex(keys.pop(), "^[0-9a-f]{32}$")
        self.assertNotEqual(
            calculate_payroll.lock_key((1, "2026-01"), {}), calculate_payroll.lock_key((1, "2026-02"), {})
        )

    def test_a_duplicate_is_ignored_and_leaves_the_lock_alone(self) -> None:
        """It ends as a success that says what happened; the owner still has its lock."""
        key = calculate_payroll.lock_key((1, "2026-01"), {})
        coordination.take_lock(key, owner="other", life_s=60)
        calculate_payroll.delay(employee_id=1, month="2026-01")
        run = self.run_next("critical")
        self.assertEqual(run.outcome, {"ignored": "duplicate", "owner": "other"})
        self.assertEqual(Payroll.objects.count(), 0)
        self.assertEqual(coordination.take_lock(key, owner="third", life_s=60), "other")

    def test_the_lock_is_kept_through_retries_and_released_at_the_end(self) -> None:
        """A failing payment keeps equals out until it has failed for good, then lets them in."""
        first = process_salary_payment.delay(999_999, "2026-01", 1).id  # no such employee
        self.assertEqual([run.state for run in self.run_all("critical")], ["FAILURE"])
        self.assertTrue(DeadLetter.objects.filter(task_id=first).exists())
        process_salary_payment.delay(1, "2026-01", 1)
        self.assertEqual([run.state for run in self.run_all("critical")], ["SUCCESS"])
        key = process_salary_payment.lock_key((1, "2026-01", 1), {})
        self.assertEqual(coordination.take_lock(key, owner="next", life_s=60), "next")

    def test_a_retry_finds_its_own_lock(self) -> None:
        """The task id is the owner."""
        self.assertEqual(coordination.take_lock("key", owner="me", life_s=60), "me")
        self.assertEqual(coordination.take_lock("key", owner="me", life_s=60), "me")
        self.assertFalse(coordination.release_lock("key", owner="other"))
        self.assertTrue(coordination.release_lock("key", owner="me"))

    def test_a_lock_expires(self) -> None:
        """Its owner may never come back."""
        coordination.take_lock("key", owner="lost", life_s=0.05)
        deadline = time.monotonic() + 2
        while coordination.take_lock("key", owner="next", life_s=60) != "next":
            self.assertLess(time.monotonic(), deadline)

    def test_a_salary_is_paid_once_whatever_happens(self) -> None:
        """The database says so, not the lock: another amount is refused, the same is recognised."""
        for amount in (20_000, 20_000, 30_000):
            process_salary_payment.delay(1, "2026-01", amount)
        runs = self.run_all("critical")
        self.assertEqual([run.state for run in runs], ["SUCCESS", "SUCCESS", "FAILURE"])
        self.assertEqual(SalaryPayment.objects.get().amount_cents, 20_000)


class RateLimit(InProcessTestCase):
    """Starts of a tier, whoever starts them."""

    def test_starts_are_one_interval_apart(self) -> None:
        """At 60 a minute the next three wait 0, 1 and 2 seconds."""
        waits = [coordination.take_slot("tier", per_minute=60, wait_at_most_s=10) for _ in range(3)]
        for wait, expected in zip(waits, (0, 1, 2), strict=True):
            self.assertAlmostEqual(wait, expected, delta=0.2)

    def test_too_long_a_wait_reserves_nothing(self) -> None:
        """It says how long it would have been."""
        for _ in range(3):
            coordination.take_slot("tier", per_minute=60, wait_at_most_s=10)
        self.assertAlmostEqual(coordination.take_slot("tier", per_minute=60, wait_at_most_s=1), -3, delta=0.2)
        self.assertAlmostEqual(coordination.take_slot("tier", per_minute=60, wait_at_most_s=10), 3, delta=0.2)

    def test_a_postponed_task_is_sent_again_as_the_same_attempt(self) -> None:
        """It costs no retry."""
        for _ in range(10):
            coordination.take_slot("critical", per_minute=1, wait_at_most_s=10_000)
        process_salary_payment.delay(1, "2026-01", 20_000)
        self.assertIsInstance(self.run_next("critical").outcome, Ignore)
        again = self.run_next("critical")
        self.assertEqual(again.attempt, 1)
        self.assertGreater(again.delay_s, 10)
