"""Earlier revisions are read from git, and the repository stays as it is."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.revisions import Repository


def git(folder: Path, *words: str) -> str:
    """One command of git, by somebody."""
    named = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "init.defaultBranch=main"]
    return subprocess.run(
        ["git", *named, *words], cwd=folder, check=True, capture_output=True, text=True
    ).stdout


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """One commit with one file in a folder."""
    folder = tmp_path / "repository"
    (folder / "app").mkdir(parents=True)
    (folder / "app" / "tasks.py").write_text("x = 1\n")
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "one")
    found = Repository.around(folder / "app")
    assert found is not None
    return found


def test_a_folder_outside_has_none(tmp_path: Path) -> None:
    assert Repository.around(tmp_path) is None


def test_what_differs_is_told_new_files_and_removed_ones_too(repository: Repository) -> None:
    commit = repository.base("HEAD")
    assert repository.changed(commit) == ()
    (repository.root / "app" / "tasks.py").unlink()
    (repository.root / "new file.py").write_text("y = 2\n")
    assert repository.changed(commit) == ("app/tasks.py", "new file.py")


def test_files_are_read_as_they_were_and_as_they_are(repository: Repository) -> None:
    commit, path = repository.base("HEAD"), Path("app/tasks.py")
    (repository.root / path).write_text("x = 2\n")
    assert (repository.text(commit, path), repository.text_now(path)) == ("x = 1\n", "x = 2\n")
    assert (repository.text(commit, Path("none")), repository.text_now(Path("none"))) == (None, None)


def test_the_base_is_where_the_branch_left(repository: Repository) -> None:
    first = repository.base("HEAD")
    git(repository.root, "checkout", "-q", "-b", "change")
    git(repository.root, "commit", "-q", "--allow-empty", "-m", "change")
    git(repository.root, "checkout", "-q", "main")
    git(repository.root, "commit", "-q", "--allow-empty", "-m", "other")
    git(repository.root, "checkout", "-q", "change")
    assert repository.base("main") == first


def test_an_unknown_revision_is_named(repository: Repository) -> None:
    with pytest.raises(UsageError, match=r"--base nowhere: git knows no such revision"):
        repository.base("nowhere")


def test_a_commit_is_unpacked_and_gone_again_and_git_knows_nothing_of_it(repository: Repository) -> None:
    commit = repository.base("HEAD")
    (repository.root / "app" / "tasks.py").write_text("x = 2\n")
    before = git(repository.root, "status", "--porcelain")
    with repository.unpacked(commit) as folder:
        assert (folder / "app" / "tasks.py").read_text() == "x = 1\n"
    assert not folder.exists()
    assert git(repository.root, "status", "--porcelain") == before
    assert git(repository.root, "worktree", "list").count("\n") == 1


def test_paths_are_told_by_the_repository(repository: Repository, tmp_path: Path) -> None:
    assert repository.inside(repository.root / "app" / "x") == Path("app/x")
    assert repository.inside(tmp_path) is None
