"""Nine edits of myhours, all made in one copy of the project: what the gate is asked about."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from harness import gate, lock_file
from harness.guarantees import observe
from harness.plugin import Judgement

APP = "myhours.celery:app"
HIGH = 'base_s = 60, factor = 2, cap_s = 3600, jitter = "bounded" }\n\n[tiers.high.dead_letter]'
RETRIES = 'max_retries = {}\ndelay = {{ shape = "exponential", {}'
EDITS = {
    "five retries of critical become two": (
        "myhours/policy.py", '("payroll.tasks.*",), 5, 30', '("payroll.tasks.*",), 2, 30',
    ),
    "three retries of high become four": (
        "myhours/policy.py", "3, delay_s, cap_s, 100", "4, delay_s, cap_s, 100",
    ),
    "and it is promised": ("contract.toml", RETRIES.format(3, HIGH), RETRIES.format(4, HIGH)),
    "background waits longer": ("myhours/policy.py", "2, 300, 1800, 780", "2, 400, 1800, 780"),
    "and that is promised": (
        "contract.toml", "base_s = 300, factor = 2, cap_s = 1800", "base_s = 400, factor = 2, cap_s = 1800",
    ),
    "low may run three times as often": ("myhours/policy.py", "soft_s, hard_s, 20)", "soft_s, hard_s, 60)"),
    "no event says that a task was sent": (
        "myhours/configuration.py", "task_send_sent_event = True", "task_send_sent_event = False",
    ),
    "children are replaced earlier": (
        "myhours/settings.py", '_PER_CHILD", 500)', '_PER_CHILD", 400)',
    ),
    "results are gone after ten minutes": (
        "myhours/settings.py",
        '_number("CELERY_RESULT_EXPIRES", 3600)', '_number("CELERY_RESULT_EXPIRES", 600)',
    ),
    "alerts may take longer": ("contract.toml", "within_s = 120\n", "within_s = 300\n"),
    "poison is braked earlier": (
        "myhours/policy.py", '"MYHOURS_RUNS_BEFORE_BRAKE", "3"', '"MYHOURS_RUNS_BEFORE_BRAKE", "2"',
    ),
}  # fmt: skip
"""What is changed: the file, the place, and what stands there instead."""


def locked(myhours: Judgement) -> str:
    """The lock file of the shared run."""
    return lock_file.dumps(observe(myhours.contract, myhours.history, myhours.verdicts))


def request(root: Path, stage: str) -> gate.Request:
    """What the gate is asked about a copy that has the edits; an empty stage lets it choose."""
    lock = root / "reports" / "guarantees.lock.toml"
    return gate.Request(APP, root / "myhours", lock=lock, reports=root / "reports", stage=stage)


def edited(project: Path, root: Path, myhours: Judgement, stage: str) -> gate.Request:
    """A repository in which myhours and its lock file are committed, and all edits are made."""
    ignored = shutil.ignore_patterns("__pycache__", "reports", "var", "*.sqlite3")
    shutil.copytree(project, root / "myhours", ignore=ignored)
    asked = request(root, stage)
    lock_file.write(asked.lock, locked(myhours))
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "base"]):
        named = ["-c", "user.name=somebody", "-c", "user.email=somebody@example.com"]
        subprocess.run(["git", *named, *words], cwd=root, check=True)
    for path, place, instead in EDITS.values():
        file = root / "myhours" / path
        text = file.read_text(encoding="utf-8")
        assert text.count(place) == 1, f"{path} has no such place, or several: {place!r}"
        file.write_text(text.replace(place, instead), encoding="utf-8")
    return asked
