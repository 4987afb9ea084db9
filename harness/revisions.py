"""Asks git what an earlier revision was, and unpacks it; the repository itself is left as it is."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.errors import UsageError

WITHIN_S = 60.0


@dataclass(frozen=True, slots=True)
class Repository:
    """A working copy of git, by its top folder."""

    root: Path

    @classmethod
    def around(cls, folder: Path) -> Repository | None:
        """The repository that a folder is in; None where there is none, or no git."""
        try:
            found = _git(folder, "rev-parse", "--show-toplevel")
        except subprocess.CalledProcessError as error:
            said = error.stderr.decode(errors="replace")
            if (
                "dubious ownership" in said
            ):  # git refuses, as in a container of CI: that is no missing repository
                raise UsageError(
                    f"{folder}: git does not trust the owner of this repository.",
                    remedy=f"git config --global --add safe.directory {folder.resolve()}",
                ) from None
            return None
        except (OSError, subprocess.SubprocessError):
            return None
        return cls(Path(found.decode().strip()))

    def base(self, revision: str) -> str:
        """The commit at which this working copy left a revision; `UsageError` where there is no such one."""
        try:
            commit = (
                _git(self.root, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}").decode().strip()
            )
        except subprocess.CalledProcessError:
            raise UsageError(
                f"--base {revision}: git knows no such revision.",
                remedy="Name a branch, tag or commit; in CI, fetch it first (fetch-depth: 0).",
            ) from None
        try:
            return _git(self.root, "merge-base", commit, "HEAD").decode().strip()
        except subprocess.CalledProcessError:  # a shallow clone does not know where the two parted
            return commit

    def changed(self, commit: str) -> tuple[str, ...]:
        """The files that differ from a commit, new ones among them, by their path in the repository."""
        named = _git(self.root, "diff", "--name-only", "-z", "--no-renames", commit, "--")
        fresh = _git(self.root, "ls-files", "--others", "--exclude-standard", "-z")
        return tuple(sorted({path for path in (named + fresh).decode().split("\0") if path}))

    def text(self, commit: str, path: Path) -> str | None:
        """A file as it was at a commit; None where it was not there."""
        try:
            return _git(self.root, "show", f"{commit}:{path.as_posix()}").decode()
        except (subprocess.CalledProcessError, UnicodeDecodeError):
            return None

    def text_now(self, path: Path) -> str | None:
        """A file as it is in the working copy; None where it is not there, or is no text."""
        try:
            return (self.root / path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return None

    def inside(self, path: Path) -> Path | None:
        """A path as one of the repository; None for one outside."""
        try:
            return path.resolve().relative_to(self.root.resolve())
        except ValueError:
            return None

    @contextmanager
    def unpacked(self, commit: str) -> Iterator[Path]:
        """A folder with all files of a commit; it is gone when the context ends."""
        archive = _git(self.root, "archive", "--format=tar", commit)
        with tempfile.TemporaryDirectory(prefix="celery-harness-base-") as folder:
            with tarfile.open(fileobj=io.BytesIO(archive)) as files:
                files.extractall(folder, filter="data")
            yield Path(folder)


def _git(folder: Path, *words: str) -> bytes:
    spoken = {**os.environ, "LC_ALL": "C"}  # its messages are read here
    done = subprocess.run(
        ["git", *words], cwd=folder, env=spoken, capture_output=True, check=True, timeout=WITHIN_S
    )
    return done.stdout
