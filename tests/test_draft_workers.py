"""The worker commands of a Procfile or a compose file, with their lines and node names."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.configuration import WorkerCommand
from harness.draft_workers import commands


@pytest.mark.parametrize(
    ("words", "hostname"),
    [("-n one@%h", "one@%h"), ("--hostname=one@%h", "one@%h"), ("-none@%h", "one@%h"), ("-Q a", "")],
)
def test_a_command_is_found_with_its_line_and_name(tmp_path: Path, words: str, hostname: str) -> None:
    (tmp_path / "Procfile").write_text(f"web: gunicorn shop\none: celery -A shop worker {words}\n")
    assert commands(tmp_path) == (WorkerCommand("Procfile:2", tuple(words.split()), hostname),)


def test_a_compose_file_counts_where_there_is_no_procfile(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text("services:\n  one:\n    command: celery -A shop worker -Q a\n")
    assert commands(tmp_path) == (WorkerCommand("compose.yaml:3", ("-Q", "a")),)


def test_a_folder_without_any_says_so(tmp_path: Path) -> None:
    (tmp_path / "Procfile").write_text("web: gunicorn shop\n")
    assert commands(tmp_path) is None
