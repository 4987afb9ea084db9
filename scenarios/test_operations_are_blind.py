"""Something is wrong, and neither events nor logs say what."""

from __future__ import annotations

import pytest

from harness.plugin import Judgement

TIERS = ("critical", "high", "background", "low", "normal")


@pytest.mark.parametrize("tier", TIERS)
def test_a_monitor_sees_every_task_from_sent_to_its_end(myhours: Judgement, tier: str) -> None:
    """`worker_send_task_events` and `task_send_sent_event`, seen by Celery's own receiver."""
    myhours.assert_kept("events_present", tier)


@pytest.mark.parametrize("tier", TIERS)
def test_log_lines_are_json_and_carry_the_task_id(myhours: Judgement, tier: str) -> None:
    """Celery takes the root logger over unless `setup_logging` is connected."""
    myhours.assert_kept("structured_logs", tier)


def test_as_documented_events_are_sent(documented: Judgement) -> None:
    """These settings are real."""
    documented.assert_kept("events_present", "critical")


def test_as_documented_logs_are_plain_text(documented: Judgement) -> None:
    """`worker_hijack_root_logger` puts Celery's handlers in the place of Django's."""
    documented.assert_broken("structured_logs", "critical", says="worker_hijack_root_logger")
