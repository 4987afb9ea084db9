"""A setting reads back from `app.conf`, and Celery never looks at it."""

from __future__ import annotations

import pytest

from harness.plugin import Judgement
from scenarios.since import YOUNG, young_settings

UNREAD = (
    "task_default_retry_delay",
    "task_max_retry_delay",
    "task_retry_jitter",
    "task_default_max_retries",
    "admin_emails",
)


def test_every_setting_is_one_that_celery_reads(myhours: Judgement) -> None:
    """Policy that Celery has no setting for is code, and tested as such."""
    myhours.assert_kept("settings_known")


def test_every_annotation_has_an_effect(myhours: Judgement) -> None:
    """There are none: what tasks share is in their base class."""
    assert not myhours.history.header.settings.get("annotations")
    myhours.assert_kept("annotations_match")


@pytest.mark.parametrize("setting", UNREAD)
def test_as_documented_a_made_up_setting_is_taken_without_a_word(documented: Judgement, setting: str) -> None:
    """No error, no warning; the harness names it, and the line that sets it."""
    documented.assert_broken("settings_known", says=setting)


@pytest.mark.parametrize("glob", ["payroll.tasks.*", "integrations.tasks.*"])
def test_as_documented_annotations_match_no_task(documented: Judgement, glob: str) -> None:
    """`task_annotations` knows exact names and '*' alone, unlike `task_routes`."""
    documented.assert_broken("annotations_match", says=repr(glob))


def test_as_documented_the_run_is_condemned(documented: Judgement) -> None:
    """Guarantee by guarantee; at least one broken verdict of each kind that the document claims."""
    broken = {verdict.guarantee for verdict in documented.verdicts if verdict.outcome.value == "broken"}
    assert broken >= {
        "settings_known", "annotations_match", "retry_cap", "retry_delays", "retried_failures",
        "queue_consumed", "dead_letter", "alert_sent", "deduplication", "poison_braked", "rate_limit",
        "structured_logs",
    }  # fmt: skip


def test_everything_that_myhours_promises_is_kept(myhours: Judgement) -> None:
    """Nothing broken, and nothing unknown: no promise went untested."""
    beyond = frozenset() if young_settings(myhours) else YOUNG
    judged = [v for v in myhours.verdicts if v.guarantee not in beyond]
    open_questions = [v for v in judged if v.outcome.value != "kept"]
    assert not open_questions, "\n".join(
        f"{v.outcome.value} {v.guarantee} [{v.tier}]: {v.observed}" for v in open_questions
    )
