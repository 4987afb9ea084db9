"""Settings that Celery does not read are found, with value, origin and the nearest real one."""

from __future__ import annotations

from typing import Any

from harness.checker import WHOLE_APP
from harness.checkers.settings_known import SettingsKnown
from harness.contract import Contract
from harness.verdict import Outcome, Verdict
from tests.checkers.histories import run


def judged(settings: dict[str, Any]) -> Verdict:
    verdict = SettingsKnown().verdict(Contract((), path="contract.toml"), WHOLE_APP, run(settings=settings))
    assert verdict is not None
    return verdict


def test_kept_where_every_setting_is_known() -> None:
    verdict = judged({"unknown": [], "conf": {"task_acks_late": {"value": True}}})
    assert verdict.outcome is Outcome.KEPT
    assert verdict.observed == "no setting is given that Celery does not read"
    assert (verdict.guarantee, verdict.tier, verdict.origin) == ("settings_known", "app", "contract.toml")


def test_broken_lists_name_value_origin_and_nearest() -> None:
    verdict = judged(
        {
            "unknown": [
                {
                    "name": "task_max_retry_delay",
                    "value": 3600,
                    "origin": "myhours/celery.py:3",
                    "near": None,
                },
                {"name": "task_ack_late", "value": True, "origin": "settings", "near": "task_acks_late"},
            ]
        }
    )
    assert verdict.outcome is Outcome.BROKEN
    assert verdict.observed == (
        "2 settings that Celery does not read: task_max_retry_delay = 3600 from myhours/celery.py:3; "
        "task_ack_late = True (nearest: task_acks_late) from settings"
    )
    assert verdict.blame == "task_max_retry_delay, task_ack_late: not in celery.app.defaults.SETTING_KEYS"
    assert verdict.mend
    assert verdict.events == ()


def test_a_setting_given_twice_is_named_once_with_both_origins() -> None:
    row = {"name": "admin_emails", "value": "x", "near": None}
    verdict = judged({"unknown": [row | {"origin": "a.py:1"}, row | {"origin": "b.py:2"}]})
    assert (
        verdict.observed == "1 setting that Celery does not read: admin_emails = 'x' from a.py:1 and b.py:2"
    )
    assert verdict.blame == "admin_emails: not in celery.app.defaults.SETTING_KEYS"


def test_unknown_without_a_snapshot() -> None:
    verdict = judged({})
    assert verdict.outcome is Outcome.UNKNOWN
    assert verdict.observed == "the run has no snapshot of the settings in force"
