"""Suppressions are read from comments and from the nearest pyproject.toml; a broken entry says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.configuration import Suppression
from harness.errors import UsageError
from harness.finding import Finding, Severity
from harness.sources import Sources
from harness.suppressions import applied, in_project, on_lines

FINDING = Finding("RTY001", "retry_path_missing", Severity.HIGH, "shop.py:3", "shop.pay", "w", "y", "m", "s")


def on_line(reason: str = "why not", rule: str = "RTY001", where: str = "shop.py:3") -> Suppression:
    return Suppression(rule, where, reason, on_line=True)


def project(folder: Path, text: str) -> list[Suppression]:
    """What the entries of a pyproject.toml come to."""
    (folder / "pyproject.toml").write_text(text, encoding="utf-8")
    return list(in_project(folder))


def test_several_ids_share_a_reason(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text("x = 1\ny = 2  # harness: ignore[RTY001, TIM005] a test\n")
    found = on_lines(Sources({"shop.py": str(tmp_path / "shop.py")}))
    assert [(each.rule, each.where, each.reason) for each in found] == [
        ("RTY001", "shop.py:2", "a test"),
        ("TIM005", "shop.py:2", "a test"),
    ]


@pytest.mark.parametrize("rule", ["RTY001", "retry_path_missing"])
def test_id_and_name_mean_the_same(rule: str) -> None:
    (finding,), (used,) = applied([FINDING], [on_line(rule=rule)])
    assert finding.suppressed == "why not"
    assert used.used


@pytest.mark.parametrize("given", [on_line(where="shop.py:4"), on_line(rule="RTY002"), on_line(reason="")])
def test_another_line_another_rule_or_no_reason_keep_nothing(given: Suppression) -> None:
    (finding,), (used,) = applied([FINDING], [given])
    assert finding.suppressed == ""
    assert not used.used


def test_what_is_unknown_cannot_be_kept() -> None:
    unknown = Finding("RTY001", "n", Severity.UNKNOWN, "shop.py:3", "x", "w", "y", "m", "s")
    assert applied([unknown], [on_line()])[0] == [unknown]


def test_the_nearest_project_file_counts(tmp_path: Path) -> None:
    project(tmp_path, '[[tool.celery-harness.ignore]]\nrule = "RTY001"\nreason = "far"\n')
    inner = tmp_path / "inner"
    inner.mkdir()
    assert [each.reason for each in in_project(inner)] == ["far"]
    assert project(inner, "[project]\n") == []


def test_an_entry_knows_its_line(tmp_path: Path) -> None:
    text = '# mine\n[[tool.celery-harness.ignore]]\nrule = "RTY001"\nreason = "x"\nsubject = "shop.*"\n'
    assert project(tmp_path, text) == [Suppression("RTY001", "pyproject.toml:2", "x", "shop.*")]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("tool = ", "cannot be read"),
        ('[tool.celery-harness]\nignore = "RTY001"\n', "no list of tables"),
        ('[[tool.celery-harness.ignore]]\nreason = "x"\n', "lacks a rule"),
        ('[[tool.celery-harness.ignore]]\nrule = "RTY001"\nreasons = "x"\n', "has reasons"),
        ("[[tool.celery-harness.ignore]]\nrule = 1\n", "no text"),
    ],
)
def test_a_broken_entry_says_so_in_one_line(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says) as raised:
        project(tmp_path, text)
    assert "\n" not in str(raised.value)
