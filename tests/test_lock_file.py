"""The lock file: the same guarantees give the same bytes, and what is no lock file is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness import lock_file
from harness.differences import Difference, Kind, compare
from harness.errors import UsageError
from harness.guarantees import Guarantees

FOUND = Guarantees(
    app="shop:app",
    promises={"low": {"retry.max_retries": 3, "limits.hard_s": 60.0, "retry.on": ["mail"]}},
    outcomes={"low": {"retry_cap": "kept"}, "app": {"routes_match": "kept"}},
    facts={"shop.sell": {"queue": "low", "attempts.mail": 4, "delays": ["15 to 30 s"]}, "shop.buy": {}},
    tiers={"shop.sell": "low", "shop.buy": "low"},
)


def test_the_file_can_be_read_by_people() -> None:
    assert lock_file.dumps(FOUND) == (
        "# What shop:app was observed to guarantee, under faults, on stock workers.\n"
        "# celery-harness lock -A shop:app writes it; review it like code. celery-harness gate compares.\n"
        'schema = 1\napp = "shop:app"\n\n'
        '[tiers.app.guarantees]\nroutes_match = "kept"\n\n'
        '[tiers.low.promises]\n"limits.hard_s" = 60\n"retry.max_retries" = 3\n"retry.on" = ["mail"]\n\n'
        '[tiers.low.guarantees]\nretry_cap = "kept"\n\n'
        '[tasks."shop.buy"]\ntier = "low"\n\n'
        '[tasks."shop.sell"]\ntier = "low"\n"attempts.mail" = 4\ndelays = ["15 to 30 s"]\nqueue = "low"\n'
    )


def test_what_is_read_is_what_was_written() -> None:
    read = lock_file.loads(lock_file.dumps(FOUND), "x")
    assert compare(FOUND, read) == compare(read, FOUND) == []
    assert (read.app, read.tiers, read.outcomes) == (FOUND.app, FOUND.tiers, FOUND.outcomes)
    assert lock_file.dumps(read) == lock_file.dumps(FOUND)


@pytest.mark.parametrize(
    "text", ["", "schema = 1", "schema = 2\napp = 'a'", "schema", "schema = 1\napp = 'a'\ntasks = 3"]
)
def test_what_is_no_lock_file_is_named_in_one_line(text: str) -> None:
    with pytest.raises(UsageError, match=r"^guarantees.lock.toml: ") as raised:
        lock_file.loads(text, "guarantees.lock.toml")
    assert "celery-harness lock" in str(raised.value)


def test_a_file_that_is_not_there_is_none_and_one_that_cannot_be_read_an_error(tmp_path: Path) -> None:
    assert lock_file.read(tmp_path / "none.toml") is None
    (tmp_path / "bytes.toml").write_bytes(b"\xff")
    with pytest.raises(UsageError, match="cannot be read"):
        lock_file.read(tmp_path / "bytes.toml")


def test_it_is_written_with_its_folder_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "reports" / "guarantees.lock.toml"
    lock_file.write(path, lock_file.dumps(FOUND))
    assert [each.name for each in path.parent.iterdir()] == ["guarantees.lock.toml"]
    found = lock_file.read(path)
    assert found is not None
    assert found.app == "shop:app"
    with pytest.raises(UsageError, match="cannot be written"):
        lock_file.write(path / "below", "")


@pytest.mark.parametrize(
    ("part", "of", "name", "value"),
    [
        ("promises", "low", "retry.max_retries", 3),
        ("guarantees", "low", "retry_cap", "kept"),
        ("facts", "shop.sell", "attempts.mail", 4),
        ("facts", "shop.none", "queue", None),
    ],
)
def test_a_difference_is_looked_up(part: str, of: str, name: str, value: object) -> None:
    assert lock_file.value(FOUND, Difference(Kind.NEUTRAL, part, of, name, None, None)) == value
