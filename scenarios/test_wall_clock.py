"""Code of myhours that asks what day it is, at the days that matter (freezegun)."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from freezegun import freeze_time

pytestmark = pytest.mark.usefixtures("redis_of_myhours")


@pytest.fixture(autouse=True)
def rolled_back(myhours_code: None) -> Iterator[None]:
    """Each test leaves the database as it was."""
    transaction = import_module("django.db").transaction
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@pytest.fixture
def outbox(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Mails that would have been sent."""
    sent: list[Any] = []

    def send(message: Any) -> None:
        sent.append(message)

    monkeypatch.setattr(import_module("core.alerts").EmailMessage, "send", send)
    return sent


@pytest.mark.parametrize(
    ("today", "expected"),
    [
        ("2026-01-01 00:00:01", "payroll-2025-12.csv"),
        ("2026-03-31 23:59:59", "payroll-2026-02.csv"),
        ("2024-03-01 12:00:00", "payroll-2024-02.csv"),
        ("2026-12-31 12:00:00", "payroll-2026-11.csv"),
    ],
)
def test_the_report_is_of_the_month_before(
    today: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also in January, and on days that the month before does not have."""
    monkeypatch.setattr(import_module("django.conf").settings, "REPORTS_DIR", tmp_path)
    with freeze_time(today):
        result = import_module("core.tasks").generate_reports.run()
    assert Path(result["path"]).name == expected


def test_an_old_letter_is_announced_once_and_stays(outbox: list[Any]) -> None:
    """After 90 days there is a mail; nothing but an operator removes it."""
    letters = import_module("core.models").DeadLetter.objects
    watch = import_module("core.tasks").watch_dead_letters
    with freeze_time("2026-01-01 12:00:00") as clock:
        letters.create(
            task_id="one", name="core.tasks.cleanup_old_logs", error="OSError()", attempts=4, reason="failed"
        )
        clock.move_to("2026-04-01 11:59:00")
        assert watch.run()["old"] == 0
        clock.move_to("2026-04-01 12:01:00")
        assert watch.run()["old"] == 1
        clock.move_to("2026-04-02 12:01:00")
        assert watch.run()["old"] == 0
    assert len(outbox) == 1
    assert letters.filter(task_id="one").exists()


def test_only_log_files_past_their_days_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Thirty days by default, counted from the last line written."""
    monkeypatch.setattr(import_module("django.conf").settings, "LOGS_DIR", tmp_path)
    (tmp_path / "worker.log").write_text("a line")
    written_at = (tmp_path / "worker.log").stat().st_mtime
    clean = import_module("core.tasks").cleanup_old_logs
    day_s = 24 * 3600
    with freeze_time() as clock:
        clock.move_to(_utc(written_at + 29 * day_s))
        assert clean.run()["removed"] == 0
        clock.move_to(_utc(written_at + 31 * day_s))
        assert clean.run()["removed"] == 1


def _utc(stamp: float) -> Any:
    datetime = import_module("datetime")
    return datetime.datetime.fromtimestamp(stamp, datetime.UTC)
