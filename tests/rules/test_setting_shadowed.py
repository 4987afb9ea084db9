"""Settings that a stronger source overrides are found."""

from __future__ import annotations

import pytest

from tests.rules.conftest import FIRST, Lint

BAD = """
class Settings:
    task_time_limit = 60

app.config_from_object(Settings)
app.conf.update(task_time_limit=30)
"""

GOOD = [
    """
class Settings:
    task_time_limit = 60

app.config_from_object(Settings)
app.conf.update(task_time_limit=60)
""",
    "app.conf.task_time_limit = 60\n",
]


def test_the_weaker_value_has_no_effect(lint: Lint) -> None:
    (finding,) = lint(BAD)
    assert (finding.rule, finding.subject, finding.where) == (
        "CFG004",
        "task_time_limit",
        f"shop.py:{FIRST + 1}",
    )


@pytest.mark.parametrize("app", GOOD)
def test_equal_values_and_single_ones_are_fine(lint: Lint, app: str) -> None:
    assert lint(app) == []


def test_the_environment_overrides_the_setting(lint: Lint) -> None:
    app = 'app.conf.broker_url = "redis://here:6379/0"\n'
    (finding,) = lint(app, environment={"CELERY_BROKER_URL": "redis://elsewhere:6379/0"})
    assert (finding.subject, finding.where) == ("broker_url", f"shop.py:{FIRST}")
    assert "environment variable CELERY_BROKER_URL" in finding.what
