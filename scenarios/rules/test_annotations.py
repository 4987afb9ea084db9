"""Annotations and options that reach no task."""

from __future__ import annotations

from scenarios.rules.proof import Shown, attempts, delays_s


def test_a_pattern_reaches_no_task(bad: Shown, good: Shown) -> None:
    assert (bad.has("ANN001", "bad.glob*"), good.has("ANN001", "bad.glob*")) == (True, False)
    assert attempts(bad.life("globbed")) == 4
    assert attempts(good.life("globbed")) == 2


def test_a_mistyped_name_reaches_no_task(bad: Shown, good: Shown) -> None:
    assert (bad.has("ANN004", "mispelled"), good.has("ANN004", "mispelled")) == (True, False)
    assert attempts(bad.life("misspelled")) == 4
    assert attempts(good.life("misspelled")) == 2


def test_an_attribute_that_nobody_reads_changes_nothing(bad: Shown, good: Shown) -> None:
    assert (bad.has("ANN002", "policy"), good.has("ANN002", "policy")) == (True, False)
    assert attempts(bad.life("policy")) == 4
    assert attempts(good.life("policy")) == 2


def test_the_star_wins_over_the_exact_name(bad: Shown, good: Shown) -> None:
    assert (bad.has("ANN003", "starred"), good.has("ANN003", "starred")) == (True, False)
    assert delays_s(bad.life("starred")) == [60.0] * 3
    assert delays_s(good.life("starred")) == [5.0] * 3


def test_a_mistyped_option_changes_nothing(bad: Shown, good: Shown) -> None:
    assert (bad.has("TSK001", "mistyped"), good.has("TSK001", "mistyped")) == (True, False)
    assert attempts(bad.life("mistyped")) == 4
    assert attempts(good.life("mistyped")) == 2
