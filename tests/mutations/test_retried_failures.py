"""A class of failures is not retried."""

from __future__ import annotations

from tests.mutations.targets import mutants, target


def test_each_class_is_spared_and_everything_is_retried() -> None:
    app = target(options={"autoretry_for": ["OSError"]}, described={"covers": ["filesystem", "mail"]})
    found = mutants("retried_failures", app)
    assert [(each.name, each.after) for each in found] == [
        ("retried.filesystem", "not retried"), ("retried.mail", "not retried"),
        ("autoretry_for", ["Exception"]),
    ]  # fmt: skip
    assert [each.edits[0]["value"] for each in found[:2]] == [["OSError"], ["smtplib.SMTPException"]]


def test_a_task_that_retries_nothing_is_left_alone() -> None:
    assert mutants("retried_failures", target(options={"autoretry_for": []})) == []
