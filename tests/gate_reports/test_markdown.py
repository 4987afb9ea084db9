"""The gate's answer as a comment."""

from __future__ import annotations

import re

from harness.gate_reports.markdown import MarkdownGate
from tests.gate_reports.compared import ALL, HOSTILE_CHANGE, NOTHING


def test_the_comment_begins_with_the_answer_and_a_table_of_differences() -> None:
    text = MarkdownGate().render(ALL, color=False)
    assert text.startswith("### 🔴 celery-harness gate: guarantees are weaker\n")
    assert "| 🔴 weakened | `retry_cap [critical]` | kept, now broken |" in text
    assert "| 🔴 weakened (accepted) | `retry.max_retries [low]` | 5, now 3 |" in text
    assert "| ⚪ neutral | `queue [shop.pay]` | a, now b |" in text


def test_evidence_rules_settings_and_choices_are_there() -> None:
    text = MarkdownGate().render(ALL, color=False)
    assert "- blame: max\\_retries = 2" in text
    assert "- reproduce: `celery-harness verify -A shop:app --only retry_cap`" in text
    assert "🔴 rule **CH101** (high), newly broken" in text
    assert "<details><summary>2 settings and promises changed</summary>" in text
    assert "<details><summary>1 of 23 guarantees put to the test</summary>" in text


def test_nothing_is_said_to_be_nothing() -> None:
    text = MarkdownGate().render(NOTHING, color=False)
    assert text.startswith("### 🟢 celery-harness gate: no guarantee is weaker\n")
    assert "Nothing that changed can touch a guarantee." in text


def test_hostile_text_is_no_markup() -> None:
    text = re.sub(r"(`+).*?\1", "", MarkdownGate().render(HOSTILE_CHANGE, color=False))
    assert "hunter2" not in text
    assert not re.search(r"(?<!\\)<(?!/?(details|summary)>)", text)
