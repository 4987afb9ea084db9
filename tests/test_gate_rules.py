"""Rules that a change newly breaks; without a base nothing is said."""

from __future__ import annotations

from pathlib import Path

from harness.contract import Contract, Tier
from harness.gate_rules import Revision, newly_broken
from harness.inspection import inspect

CONTRACT = Contract((Tier("t", ("*",)),))
SHOP = 'from celery import Celery\napp = Celery("shop")\n@app.task\ndef sell(): ...\n'


def revision(folder: Path, text: str) -> Revision:
    """An app of this text, looked at."""
    folder.mkdir()
    (folder / "shop.py").write_text(SHOP + text, encoding="utf-8")
    return inspect("shop:app", folder).snapshot, folder, CONTRACT


def test_without_a_base_nothing_is_new() -> None:
    assert newly_broken(None, ({}, Path(), CONTRACT)) is None


def test_what_the_base_had_is_not_new_and_what_the_change_brings_is(tmp_path: Path) -> None:
    base = revision(tmp_path / "base", "app.conf.task_no_such = 1\n")
    head = revision(tmp_path / "head", "app.conf.task_no_such = 1\napp.conf.task_max_retry_delay = 60\n")
    found = newly_broken(base, head) or ()
    assert [(each.rule, each.subject) for each in found] == [("CFG002", "task_max_retry_delay")]
    assert newly_broken(head, base) == ()
