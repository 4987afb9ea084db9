"""An app of somebody else, without Django and without a contract, is verified as it is."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from harness.plugin import Verify
from harness.verdict import Outcome

FOLDER = "scenarios/apps/plain"
pytestmark = pytest.mark.harness_app("shop:app", workdir=FOLDER)


def test_what_celery_has_in_force_is_drafted_and_kept(verify: Verify) -> None:
    """Retries, limits, routes, results: what is drafted from the settings is what the run shows."""
    found = verify()
    assert not [v for v in found.verdicts if v.outcome is Outcome.BROKEN], _story(found.verdicts)


@pytest.mark.parametrize(
    "guarantee", ["retry_cap", "retry_delays", "time_limits", "result_expiry", "no_lost_task"]
)
def test_each_promise_of_the_draft_is_put_to_the_test(verify: Verify, guarantee: str) -> None:
    """Kept, and not for want of a test."""
    verify().assert_kept(guarantee)


@pytest.mark.harness_stage("processes", why="the command chooses its stage itself")
def test_the_command_says_so_by_its_exit_status(pytestconfig: pytest.Config, tmp_path: Path) -> None:
    """0 when all is kept; a stranger's folder gets no file from it."""
    command = [sys.executable, "-c", "from harness.cli import main; main()", "verify", "-A", "shop:app"]
    options = ["--only", "retry_cap", "--seed", "1", "--json", "--reports", str(tmp_path)]
    folder = pytestconfig.rootpath / FOLDER
    before = set(folder.iterdir())
    done = subprocess.run(
        [*command, *options], cwd=folder, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr
    verdicts = json.loads(done.stdout)["verdicts"]
    assert {verdict["guarantee"] for verdict in verdicts} == {"retry_cap"}
    assert {path.name for path in set(folder.iterdir()) - before} <= {"__pycache__"}


def _story(verdicts: object) -> str:
    return "\n".join(f"{v.outcome.value} {v.guarantee} [{v.tier}]: {v.observed}" for v in verdicts)  # type: ignore[attr-defined]
