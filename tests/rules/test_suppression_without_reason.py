"""Suppressions without a reason are found, and keep nothing."""

from __future__ import annotations

from tests.rules.conftest import FIRST, Lint

ASKED = ("CFG001", "SUP001", "SUP002")


def test_the_finding_stays_and_the_suppression_is_one(lint: Lint) -> None:
    found = lint("app.conf.no_such = 1  # harness: ignore[CFG001]\n", rules_asked=ASKED)
    assert [(each.rule, each.where, each.suppressed) for each in found] == [
        ("CFG001", f"shop.py:{FIRST}", ""),
        ("SUP001", f"shop.py:{FIRST}", ""),
    ]


def test_an_entry_of_the_project_needs_one_too(lint: Lint) -> None:
    project = '[[tool.celery-harness.ignore]]\nrule = "CFG001"\n'
    found = lint("app.conf.no_such = 1\n", files={"pyproject.toml": project}, rules_asked=ASKED)
    assert [(each.rule, each.where) for each in found] == [
        ("CFG001", f"shop.py:{FIRST}"),
        ("SUP001", "pyproject.toml:1"),
    ]


def test_with_a_reason_the_finding_is_kept(lint: Lint) -> None:
    (finding,) = lint("app.conf.no_such = 1  # harness: ignore[CFG001] a fork reads it\n", rules_asked=ASKED)
    assert (finding.rule, finding.suppressed) == ("CFG001", "a fork reads it")
