"""Retries without an end are found; a missing max_retries is three, and no finding."""

from __future__ import annotations

import pytest

from tests.rules.conftest import FIRST, Lint


@pytest.mark.parametrize(
    "options",
    [
        "autoretry_for=(OSError,), max_retries=None",
        "autoretry_for=(OSError,), retry_kwargs={'max_retries': None}",
    ],
)
def test_none_has_no_end(lint: Lint, options: str) -> None:
    (finding,) = lint(f"@app.task({options})\ndef pay(): ...\n")
    assert (finding.rule, finding.subject, finding.where) == ("RTY003", "shop.pay", f"shop.py:{FIRST}")


def test_a_call_of_retry_counts(lint: Lint) -> None:
    (finding,) = lint("@app.task(bind=True, max_retries=None)\ndef pay(self):\n    raise self.retry()\n")
    assert finding.severity == "high"


@pytest.mark.parametrize(
    "options",
    [
        "autoretry_for=(OSError,)",
        "autoretry_for=(OSError,), max_retries=8",
        "autoretry_for=(OSError,), max_retries=None, retry_kwargs={'max_retries': 5}",
        "max_retries=None",
    ],
)
def test_what_ends_is_no_finding(lint: Lint, options: str) -> None:
    assert lint(f"@app.task({options})\ndef pay(): ...\n") == []
