"""Mistakes planted into code that others wrote are found, and the code as it was is not blamed.

`tests/apps/strangers/README.md` names authors and licences.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.contract_file import load
from harness.laboratories import laboratories
from harness.search import Found, search

STRANGERS = Path(__file__).parent / "apps" / "strangers"
EXAMPLES = 400


@dataclass(frozen=True, slots=True)
class Planted:
    """One mistake: the app, the edit that plants it, the guarantee that it breaks."""

    folder: str
    app: str
    file: str
    before: str
    after: str
    guarantee: str


LOCK = Planted(
    "once", "shop:app", "celery_once_task/task.py",
    "                raise exc\n\n    def after_return",
    "                raise exc\n            self._release_lock(running_key, task_id)\n\n    def after_return",
    "deduplication",
)  # fmt: skip
"""The lock is released before the body runs."""
ACKNOWLEDGED = Planted(
    "email",
    "post:app",
    "settings.py",
    '"acks_late": True, "reject_on_worker_lost": True, ',
    "",
    "no_lost_task",
)
"""The message is acknowledged before the mail is sent: as the package does by default."""


def searched(folder: Path, planted: Planted, *, edited: bool, examples: int) -> Found:
    """Search a copy of the app, with the mistake or without."""
    own = folder / planted.folder
    shutil.copytree(STRANGERS / planted.folder, own)
    if edited:
        path = own / planted.file
        text = path.read_text(encoding="utf-8")
        assert text.count(planted.before) == 1
        path.write_text(text.replace(planted.before, planted.after), encoding="utf-8")
    contract = load(own / "contract.toml")
    with laboratories(planted.app, contract, own, guarantees=[planted.guarantee], jobs=1) as labs:
        return search(labs, examples=examples, seeded=1)


@pytest.mark.parametrize("planted", [LOCK, ACKNOWLEDGED], ids=lambda one: one.folder)
def test_a_mistake_in_a_stranger_s_code_is_found_and_shrunk(tmp_path: Path, planted: Planted) -> None:
    found = searched(tmp_path, planted, edited=True, examples=EXAMPLES)
    assert found.trial is not None
    assert {verdict.guarantee for verdict in found.trial.broken} == {planted.guarantee}
    schedule = found.trial.schedule
    assert len(schedule.tasks) + len(schedule.points) <= 3


@pytest.mark.parametrize("planted", [LOCK, ACKNOWLEDGED], ids=lambda one: one.folder)
def test_a_stranger_s_code_as_it_was_is_not_blamed(tmp_path: Path, planted: Planted) -> None:
    assert searched(tmp_path, planted, edited=False, examples=60).trial is None
