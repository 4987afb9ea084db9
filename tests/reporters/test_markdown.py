"""The comment of a pull request: short, complete, and no markup but ours."""

from __future__ import annotations

import re

from harness.reporters._markdown import LONGEST, block, bounded, code
from harness.reporters.markdown import MarkdownReport
from harness.verdict import Outcome, Verdict
from tests.reporters.judged import BROKEN, CONTRACT, HISTORY, HOSTILE_VERDICT, KEPT, VERDICTS


def render(*verdicts: Verdict) -> str:
    """The whole comment."""
    return MarkdownReport().render(CONTRACT, HISTORY, verdicts, color=True)


def test_the_first_line_says_what_came_of_it() -> None:
    assert render(*VERDICTS).startswith("### 🔴 celery-harness: broken\n\n1 kept, 1 broken, 1 unknown · ")
    assert render(KEPT).startswith("### 🟢 celery-harness: kept\n")


def test_a_broken_guarantee_has_its_cause_and_the_command_that_shows_it() -> None:
    text = render(BROKEN)
    assert "🔴 **retry\\_cap** (critical)" in text
    assert "- promised: given up after 5 retries (contract.toml:9)" in text
    assert "- blame: no autoretry\\_for" in text
    assert "- reproduce: `celery-harness verify -A shop:app --seed 7`" in text
    assert "2.50 s  task-failed 11111111  error=OSError(28)" in text


def test_the_grid_has_every_guarantee_and_tier() -> None:
    assert "| retry\\_cap | **broken** | kept |" in render(*VERDICTS)
    assert "| rate\\_limit | · | *unknown* |" in render(*VERDICTS)


def test_hostile_text_is_no_markup() -> None:
    text = render(HOSTILE_VERDICT)
    assert "hunter2" not in text
    outside = re.sub(r"(`+).*?\1", "", text)  # what is in a code span is text already
    assert not re.search(r"(?<!\\)<(?!/?(details|summary)>)", outside)
    assert "](" not in outside.replace("\\](", "").replace("\\]\\(", "")
    assert not re.search(r"@\w", outside)


def test_backticks_do_not_end_a_code_span_or_block() -> None:
    assert code("a``b") == "```a``b```"
    assert code("`") == "`` ` ``"
    assert block(["```", "x"]).count("```") == 2


def test_what_is_too_long_for_a_comment_is_cut_and_said() -> None:
    many = [Verdict(f"g{n}", "low", Outcome.BROKEN, "p", "x" * 500) for n in range(300)]
    text = render(*many)
    assert len(text) <= LONGEST
    assert text.endswith("the stored run has all of it.*\n")
    assert bounded(["a", "b"], "rest") == "a\n\nb\n"
