"""A survivor can be marked as equivalent, with a reason; a mark hides nothing that is noticed."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.equivalents import Mark, marked, marks, wrong
from harness.errors import UsageError
from harness.mutation import Mutant
from harness.mutation_bench import EQUIVALENT, KILLED, SURVIVED, Judged

MARK = Mark("environment/PORT/*", "the stage has its own", "pyproject.toml:1")
SURVIVOR = Judged(Mutant("environment", "PORT", 25, 2), SURVIVED, reason="nothing noticed")
VICTIM = Judged(Mutant("environment", "PORT", 25, 250), KILLED, by="alert_sent [critical]", what="no mail")
OTHER = Judged(Mutant("prefetch", "worker_prefetch_multiplier", 1, 16), SURVIVED)


def written(folder: Path, text: str) -> Path:
    (folder / "pyproject.toml").write_text(text)
    return folder


def test_a_marked_survivor_is_equivalent_with_the_reason_and_its_place() -> None:
    [found, other] = marked([SURVIVOR, OTHER], [MARK])
    assert (found.outcome, found.reason) == (EQUIVALENT, "the stage has its own (pyproject.toml:1)")
    assert other == OTHER


def test_a_mark_does_not_hide_what_is_noticed() -> None:
    assert marked([VICTIM], [MARK]) == [VICTIM]
    [said] = wrong([SURVIVOR, VICTIM], [MARK], every=True)
    assert said.startswith("pyproject.toml:1: environment/PORT/* is not equivalent: alert_sent [critical]")


def test_a_mark_of_no_mutant_is_said_where_all_were_made() -> None:
    assert wrong([OTHER], [MARK], every=True) == ["pyproject.toml:1: there is no mutant environment/PORT/*"]
    assert wrong([OTHER], [MARK], every=False) == []
    assert wrong([SURVIVOR], [MARK], every=True) == []


def test_marks_are_read_from_the_nearest_pyproject(tmp_path: Path) -> None:
    entry = '\n[[tool.celery-harness.equivalent]]\nmutant = "a/*"\nreason = "b"\n'
    inner = written(tmp_path, entry) / "inner"
    inner.mkdir()
    [found] = marks(inner)
    assert (found.mutant, found.reason) == ("a/*", "b")
    assert found.where.endswith("pyproject.toml:2")


@pytest.mark.parametrize("entry", ['mutant = "a"', 'reason = "b"', 'mutant = "a"\nreason = ""', "mutant = 1"])
def test_an_entry_without_mutant_or_reason_is_refused(tmp_path: Path, entry: str) -> None:
    with pytest.raises(UsageError, match=r"pyproject\.toml:1: the entry lacks"):
        list(marks(written(tmp_path, f"[[tool.celery-harness.equivalent]]\n{entry}\n")))


def test_marks_that_are_no_list_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is no list of tables"):
        list(marks(written(tmp_path, '[tool.celery-harness]\nequivalent = "all"\n')))
