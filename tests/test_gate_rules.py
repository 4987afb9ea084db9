"""Rules that a change newly breaks; without a base nothing is said."""

from __future__ import annotations

from pathlib import Path

from harness.contract import Contract, Tier
from harness.gate_rules import Revision, newly_broken
from harness.inspection import inspect

CONTRACT = Contract((Tier("t", ("*",)),))
APP = """
from celery import Celery

app = Celery("shop", broker="redis://127.0.0.1:1/0")
app.conf.update({settings})


@app.task(name="shop.sell")
def sell(n):
    return n
"""


def revision(folder: Path, name: str, settings: str) -> Revision:
    """One revision of the app."""
    place = folder / name
    place.mkdir()
    (place / "shop.py").write_text(APP.format(settings=settings), encoding="utf-8")
    return inspect("shop:app", place).snapshot, place, CONTRACT


def test_only_what_the_change_breaks_is_told(tmp_path: Path) -> None:
    """A setting that Celery does not read is one more finding; all others were there before."""
    base = revision(tmp_path, "base", "task_acks_late=True")
    head = revision(tmp_path, "head", "task_acks_late=True, task_max_retry_delay=3600")
    assert newly_broken(base, base) == ()
    found = newly_broken(base, head)
    assert found
    assert all("task_max_retry_delay" in f"{each.subject} {each.what}" for each in found)
    assert newly_broken(None, head) is None
