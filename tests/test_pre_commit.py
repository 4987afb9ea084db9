"""The pre-commit hooks do what pre-commit calls them for: the entry, the user's args, and no file names."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_cli import CONTRACT, SHOP
from tests.test_revisions import git

ROOT = Path(__file__).resolve().parents[1]
ARGS = ["-A", "shop:app"]


def hooks() -> dict[str, dict[str, str]]:
    """The hooks by id, each with its keys, as far as they are plain words."""
    text = (ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8")
    found = {}
    for part in re.split(r"^- ", text, flags=re.MULTILINE)[1:]:
        keys = dict(re.findall(r"^ *(\w+): (.+)$", part, flags=re.MULTILINE))
        found[keys["id"]] = keys
    return found


def call(hook: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """As pre-commit does: in the top folder of the repository, without a terminal."""
    words = [*shlex.split(hooks()[hook]["entry"]), *ARGS]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        words, cwd=folder, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
    )


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """An app that is committed."""
    (tmp_path / "shop.py").write_text(SHOP)
    (tmp_path / "contract.toml").write_text(CONTRACT)
    (tmp_path / ".gitignore").write_text("/reports/*\n!/reports/guarantees.lock.toml\n__pycache__/\n")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "base")
    return tmp_path


def test_both_run_in_the_environment_of_the_app_and_take_no_files() -> None:
    assert set(hooks()) == {"celery-harness-lint", "celery-harness-lock"}
    for keys in hooks().values():
        assert (keys["language"], keys["pass_filenames"]) == ("system", "false")


def test_lint_stops_a_commit_that_breaks_a_severe_rule(repository: Path) -> None:
    passed = call("celery-harness-lint", repository)
    assert passed.returncode == 0, passed.stdout
    (repository / "shop.py").write_text(SHOP + "\napp.conf.task_always_eager = True\n")
    stopped = call("celery-harness-lint", repository)
    assert stopped.returncode == 1
    assert "task_always_eager" in stopped.stdout


def test_lock_stops_a_push_whose_lock_file_is_out_of_date(repository: Path) -> None:
    missing = call("celery-harness-lock", repository)
    assert missing.returncode == 1, missing.stderr
    words = [
        sys.executable,
        "-c",
        "from harness.cli import main; main()",
        "lock",
        "--stage",
        "simulated",
        *ARGS,
    ]
    subprocess.run(words, cwd=repository, check=True, capture_output=True)
    current = call("celery-harness-lock", repository)
    assert (current.returncode, current.stdout) == (0, "")
    status = subprocess.run(["git", "status", "--porcelain"], cwd=repository, capture_output=True, check=True)
    assert status.stdout.decode() == "?? reports/\n"
