"""Suppressions that keep nothing are found."""

from __future__ import annotations

import pytest

from tests.rules.conftest import FIRST, Lint

ASKED = ("CFG001", "SUP001", "SUP002")


@pytest.mark.parametrize("rule", ["CFG001", "CFG999"])
def test_nothing_is_there_to_keep(lint: Lint, rule: str) -> None:
    (finding,) = lint(f"app.conf.task_acks_late = 1  # harness: ignore[{rule}] once\n", rules_asked=ASKED)
    assert (finding.rule, finding.subject, finding.where) == ("SUP002", rule, f"shop.py:{FIRST}")


def test_an_entry_for_another_subject(lint: Lint) -> None:
    project = '[[tool.celery-harness.ignore]]\nrule = "CFG001"\nsubject = "other*"\nreason = "x"\n'
    found = lint("app.conf.no_such = 1\n", files={"pyproject.toml": project}, rules_asked=ASKED)
    assert [each.rule for each in found] == ["CFG001", "SUP002"]


def test_an_entry_with_a_glob_keeps_what_it_matches(lint: Lint) -> None:
    project = '[[tool.celery-harness.ignore]]\nrule = "CFG001"\nsubject = "no_*"\nreason = "x"\n'
    (finding,) = lint("app.conf.no_such = 1\n", files={"pyproject.toml": project}, rules_asked=ASKED)
    assert finding.suppressed == "x"


def test_words_in_a_string_are_no_suppression(lint: Lint) -> None:
    assert lint('TEXT = "# harness: ignore[CFG001] x"\n', rules_asked=ASKED) == []


def test_a_rule_that_was_not_asked_is_not_missed(lint: Lint) -> None:
    line = "app.conf.task_acks_late = 1  # harness: ignore[RTY001] once\n"
    assert lint(line, rules_asked=("SUP002",)) == []
