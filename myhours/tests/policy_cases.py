"""The numbers of `myhours.policy`, and what follows from them."""

from __future__ import annotations

import tomllib
from pathlib import Path

from celery.exceptions import QueueNotFound
from django.test import SimpleTestCase, override_settings

from core.task import TierTask
from core.tasks import cleanup_old_logs
from integrations.tasks import sync_holidays
from myhours import policy
from myhours.celery import app
from payroll.tasks import calculate_payroll

CONTRACT = tomllib.loads((Path(__file__).parent.parent / "contract.toml").read_text(encoding="utf-8"))


class Policy(SimpleTestCase):
    """The numbers, and what is derived from them."""

    def test_payroll_waits_30_60_120_240_300_seconds(self) -> None:
        """Five retries, doubling from 30 seconds, capped at 300."""
        self.assertEqual(calculate_payroll.tier.delays_s, (30, 60, 120, 240, 300))

    def test_integrations_wait_300_600_seconds(self) -> None:
        """Two patient retries."""
        self.assertEqual(sync_holidays.tier.delays_s, (300, 600))

    def test_everything_else_waits_60_120_240_seconds(self) -> None:
        """Three retries, doubling from a minute."""
        self.assertEqual(cleanup_old_logs.tier.delays_s, (60, 120, 240))

    def test_jitter_spreads_and_never_vanishes(self) -> None:
        """A thousand delays of nominally 30 s fill 15 to 30 s."""
        delays = [calculate_payroll.tier.delay_s(0) for _ in range(1000)]
        self.assertGreaterEqual(min(delays), 15)
        self.assertLessEqual(max(delays), 30)
        self.assertGreater(max(delays) - min(delays), 12)

    @override_settings(CELERY_TASK_RETRY_JITTER=False)
    def test_jitter_can_be_switched_off(self) -> None:
        """The setting is read where the delay is computed."""
        self.assertEqual(calculate_payroll.tier.delay_s(1), 60)

    def test_no_delay_outlives_the_visibility_timeout(self) -> None:
        """A message held for its delay, another run and its own run is not delivered twice meanwhile."""
        for tier in policy.TIERS:
            with self.subTest(tier.name):
                self.assertGreater(policy.visibility_timeout_s(), tier.held_s)
                self.assertGreater(tier.lock_s, sum(tier.delays_s) + (tier.max_retries + 1) * tier.hard_s)

    def test_every_task_has_the_queue_of_its_tier(self) -> None:
        """Resolved as a publisher resolves it."""
        for name, task in app.tasks.items():
            if isinstance(task, TierTask):
                with self.subTest(name):
                    queue = app.amqp.router.route({}, name)["queue"].name
                    self.assertEqual(queue, policy.tier_of(name).name)

    def test_an_unknown_queue_is_refused(self) -> None:
        """A misspelt queue raises in the publisher instead of swallowing tasks."""
        with self.assertRaises(QueueNotFound):
            app.amqp.router.route({"queue": "citrical"}, "core.tasks.generate_reports")

    def test_the_brokers_acknowledgement_timeout_is_the_one_that_the_tiers_need(self) -> None:
        """What `DEPLOYMENT.md` tells people to set, and what the contract is verified with."""
        needed_ms = policy.visibility_timeout_s() * 1000
        self.assertEqual(CONTRACT["app"]["servers"]["rabbitmq"]["consumer_timeout"], needed_ms)
        guide = (Path(__file__).parent.parent / "DEPLOYMENT.md").read_text(encoding="utf-8")
        self.assertIn(f"`consumer_timeout = {needed_ms}`", guide)

    def test_the_contract_says_what_the_policy_says(self) -> None:
        """Two files, one set of numbers."""
        for tier in policy.TIERS:
            with self.subTest(tier.name):
                promised = CONTRACT["tiers"][tier.name]
                delay = promised["retry"]["delay"]
                self.assertEqual(promised["tasks"], list(tier.tasks))
                self.assertEqual(promised["queue"], tier.name)
                self.assertEqual(promised["retry"]["max_retries"], tier.max_retries)
                self.assertEqual(
                    (delay["base_s"], delay["cap_s"]), (tier.retry_delay_s, tier.retry_delay_max_s)
                )
                self.assertEqual(promised["limits"]["hard_s"], tier.hard_s)
                self.assertEqual(promised["limits"]["soft_s"], tier.soft_s)
                self.assertEqual(promised["limits"]["rate"], f"{tier.rate_per_minute}/m")
                self.assertEqual(promised["loss"]["within_s"], policy.redelivered_within_s())
                self.assertEqual(promised["loss"]["redelivered_at_most"], policy.RUNS_BEFORE_BRAKE)
                self.assertEqual("alert" in promised, tier.alerts)
                if "deduplication" in promised:
                    self.assertEqual(promised["deduplication"]["lock_s"], tier.lock_s)
