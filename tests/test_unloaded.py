"""Files that the app does not load: who sends tasks, who declares them in vain, and what is left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.sources import Sources
from harness.unloaded import unloaded

VIEW = "from tasks import pay\n\ndef sell():\n    pay.delay()\n"


def written(folder: Path, **files: str) -> Sources:
    """Write files, by name without suffix; the first is the one that the app loads."""
    for name, text in files.items():
        path = folder / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    first = f"{next(iter(files))}.py"
    return Sources({first: str(folder / first)})


def test_a_view_that_sends_tasks_is_read(tmp_path: Path) -> None:
    sources = written(tmp_path, tasks="", shop__views=VIEW, shop__models="x = 1\n")
    assert unloaded(tmp_path, sources).callers == {"shop/views.py": str(tmp_path / "shop" / "views.py")}


def test_what_is_loaded_is_not_among_them(tmp_path: Path) -> None:
    assert unloaded(tmp_path, written(tmp_path, views=VIEW)).callers == {}


@pytest.mark.parametrize("name", ["tests__views", "test_views", "conftest", "shop__migrations__views"])
def test_tests_and_migrations_are_left_out(tmp_path: Path, name: str) -> None:
    assert unloaded(tmp_path, written(tmp_path, tasks="", **{name: VIEW})).callers == {}


def test_another_app_of_the_folder_speaks_for_itself(tmp_path: Path) -> None:
    other = "from celery import Celery\napp = Celery()\napp.send_task('pay', queue='elsewhere')\n"
    assert unloaded(tmp_path, written(tmp_path, tasks="", other=other)).callers == {}


def test_an_environment_in_the_folder_is_not_the_project(tmp_path: Path) -> None:
    sources = written(tmp_path, tasks="", venv__lib__views=VIEW)
    (tmp_path / "venv" / "pyvenv.cfg").touch()
    assert unloaded(tmp_path, sources).callers == {}


def test_a_file_that_is_no_text_is_left_out(tmp_path: Path) -> None:
    sources = written(tmp_path, tasks="")
    (tmp_path / "views.py").write_bytes(b"\xff.delay(")
    assert unloaded(tmp_path, sources).callers == {}
