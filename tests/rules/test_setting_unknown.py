"""Settings that nobody reads are found; those of Celery, of packages and of the project are not."""

from __future__ import annotations

import pytest

from tests.rules.conftest import FIRST, Lint


def test_a_name_that_celery_lacks(lint: Lint) -> None:
    (finding,) = lint("app.conf.task_ack_late = True\n")
    assert (finding.rule, finding.subject, finding.where) == ("CFG001", "task_ack_late", f"shop.py:{FIRST}")
    assert "task_acks_late" in finding.what


@pytest.mark.parametrize(
    "line",
    [
        "app.conf.task_acks_late = True",
        "app.conf.redis_backend_health_check_interval = 5",  # read, and not declared
        "app.conf.redbeat_redis_url = 'redis://localhost'",  # another package's
        "app.conf.CELERY_ACKS_LATE = True",  # an old name
        "app.conf.our_own = 3\nprint(app.conf.our_own)",  # the project reads it
    ],
)
def test_what_somebody_reads(lint: Lint, line: str) -> None:
    assert lint(line + "\n") == []
