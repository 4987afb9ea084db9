"""Rate limits that Celery cannot read are found."""

from __future__ import annotations

import pytest

from tests.rules.conftest import FIRST, Lint


@pytest.mark.parametrize("limit", ["20/d", "ten/m", "10 per minute"])
def test_what_celery_cannot_read(lint: Lint, limit: str) -> None:
    (finding,) = lint(f"@app.task(rate_limit={limit!r})\ndef pay(): ...\n")
    assert (finding.rule, finding.subject, finding.where) == ("RAT001", "shop.pay", f"shop.py:{FIRST}")


@pytest.mark.parametrize("limit", ["20/h", "10/m", "0.5/s", "3", 3, None])
def test_what_celery_reads(lint: Lint, limit: object) -> None:
    assert lint(f"@app.task(rate_limit={limit!r})\ndef pay(): ...\n") == []
