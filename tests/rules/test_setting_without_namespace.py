"""Prefixes that nobody strips are found."""

from __future__ import annotations

import pytest

from tests.rules.conftest import FIRST, Lint

BAD = """
class Settings:
    CELERY_TASK_ACKS_LATE = True

app.config_from_object(Settings)
"""

GOOD = [
    """
class Settings:
    CELERY_TASK_ACKS_LATE = True

app.config_from_object(Settings, namespace="CELERY")
""",
    """
class Settings:
    task_acks_late = True

app.config_from_object(Settings)
""",
]


def test_a_prefix_without_a_namespace(lint: Lint) -> None:
    (finding,) = lint(BAD)
    assert (finding.rule, finding.subject, finding.where) == (
        "CFG003",
        "CELERY_TASK_ACKS_LATE",
        f"shop.py:{FIRST + 1}",
    )


@pytest.mark.parametrize("app", GOOD)
def test_the_namespace_makes_it_known(lint: Lint, app: str) -> None:
    assert lint(app) == []
