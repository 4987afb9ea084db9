"""Without the packages of the extra `simulated` its commands say in one line how to get them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

BLOCKER = """
import importlib.machinery

finder = importlib.machinery.PathFinder
original = finder.find_spec


def find_spec(name, path=None, target=None):
    return None if name.partition(".")[0] == {missing!r} else original(name, path, target)


finder.find_spec = find_spec
"""
SHOP = """
from celery import Celery

app = Celery("shop", broker="redis://example.invalid/0")


@app.task(name="shop.pay", acks_late=True)
def pay(order=1):
    return order
"""
REMEDY = "pip install 'celery-harness[simulated]'"


@pytest.mark.parametrize(
    ("missing", "named", "words"),
    [
        ("fakeredis", "fakeredis", ["verify", "--stage", "simulated"]),
        ("time_machine", "time-machine", ["sweep", "--task", "shop.pay"]),
        ("greenlet", "greenlet", ["search", "--examples", "1"]),
        ("hypothesis", "hypothesis", ["search", "--examples", "1"]),
    ],
)
def test_what_is_missing_is_one_line_and_status_2(
    tmp_path: Path, missing: str, named: str, words: list[str]
) -> None:
    """Whichever of them it is, and whatever needs it; no traceback."""
    (tmp_path / "sitecustomize.py").write_text(BLOCKER.format(missing=missing), encoding="utf-8")
    (tmp_path / "shop.py").write_text(SHOP, encoding="utf-8")
    command = [sys.executable, "-c", "from harness.cli import main; main()", *words, "-A", "shop:app"]
    paths = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]).strip(os.pathsep)
    done = subprocess.run(
        command, cwd=tmp_path, env=os.environ | {"PYTHONPATH": paths}, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert not done.stdout
    lines = done.stderr.splitlines()
    assert all(line.startswith("celery-harness: ") for line in lines), done.stderr
    assert named in lines[-1]
    assert REMEDY in lines[-1]
