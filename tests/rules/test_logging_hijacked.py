"""Logging that the worker throws away is found."""

from __future__ import annotations

import pytest

from tests.rules.conftest import FIRST, Lint

BAD = [
    (
        """
import logging.config
logging.config.dictConfig({'version': 1})
""",
        "worker_hijack_root_logger",
        f"shop.py:{FIRST + 1}",
    ),
    ("LOGGING = {'version': 1}\n", "worker_hijack_root_logger", f"shop.py:{FIRST}"),
]
GOOD = [
    """
import logging.config
logging.config.dictConfig({'version': 1})
app.conf.worker_hijack_root_logger = False
""",
    """
LOGGING = {'version': 1}

@signals.setup_logging.connect
def configure(**_): ...
""",
    """
@app.task
def pay(): ...
""",
]


@pytest.mark.parametrize(("app", "subject", "where"), BAD)
def test_the_root_logger_is_taken(lint: Lint, app: str, subject: str, where: str) -> None:
    (finding,) = lint(app)
    assert (finding.rule, finding.subject, finding.where) == ("OPS002", subject, where)


@pytest.mark.parametrize("app", GOOD)
def test_left_alone_or_set_up_by_signal(lint: Lint, app: str) -> None:
    assert lint(app) == []
