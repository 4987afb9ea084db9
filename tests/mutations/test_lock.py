"""Locks do not hold."""

from __future__ import annotations

from tests.mutations.targets import mutants, target


def test_locks_exclude_nobody_end_early_or_stay() -> None:
    assert [each.edits[0]["how"] for each in mutants("lock", target(locked=True))] == [
        "granted",
        "short",
        "kept",
    ]


def test_without_a_promise_nothing_is_known_of_locks() -> None:
    assert mutants("lock", target()) == []
