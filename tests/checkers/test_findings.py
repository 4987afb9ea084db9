"""Several findings about one promise are told as one."""

from __future__ import annotations

from harness.checker import broken, kept, unknown
from harness.checkers._findings import folded, merged
from harness.verdict import Outcome


def test_sentences_that_differ_in_one_name_become_one() -> None:
    assert folded(["give a a queue", "give b a queue", "give c a queue"]) == ["give a, b, c a queue"]


def test_a_mark_stays_behind_the_last_name() -> None:
    assert folded(["in a: no", "in b: no"]) == ["in a, b: no"]


def test_numbers_are_never_folded_and_nothing_is_folded_twice() -> None:
    assert folded(["a ran 5 times", "a ran 6 times"]) == ["a ran 5 times", "a ran 6 times"]
    assert folded(["x: a no", "x: b no", "y: a no"]) == ["x: a, b no", "y: a no"]


def test_equal_and_empty_sentences_are_told_once_and_not_at_all() -> None:
    assert folded(["a", "", "a"]) == ["a"]
    assert folded([]) == []


def test_a_broken_part_speaks_for_all_then_an_unknown_one() -> None:
    parts = [kept("fine"), unknown("a hole"), broken("bad", (), blame="x", mend="y")]
    assert (merged(parts).outcome, merged(parts).observed) == (Outcome.BROKEN, "bad")
    assert merged(parts[:2]).observed == "a hole"
    assert merged([kept("fine"), kept("fine")]).observed == "fine (2x)"
    assert merged([]).outcome is Outcome.UNKNOWN
