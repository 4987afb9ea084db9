"""The report for people: a story for what was not kept, then a grid, then one line."""

from __future__ import annotations

from harness.contract import Contract, Tier
from harness.history import Event, Header, History
from harness.reporters.text import WIDTH, TextReport
from harness.verdict import Outcome, Verdict
from tests.reporters.judged import HOSTILE_VERDICT

CONTRACT = Contract((Tier("critical", ("pay.*",)), Tier("low", ("report.*",))))
HISTORY = History(
    Header(
        app="shop:app", stage="processes", broker="redis", seed=7, warp="idle", versions={"celery": "5.7.0"}
    ),
    (
        Event(1.0, "task-sent", "client:1", "11111111-a", "pay.run", {"queue": "critical"}),
        Event(2.5, "task-failed", "child:1", "11111111-a", "pay.run", {"error": "OSError(28)"}),
    ),
)
BROKEN = Verdict(
    "retry_cap",
    "critical",
    Outcome.BROKEN,
    "given up after 5 retries",
    "1 attempt",
    origin="contract.toml:9",
    events=(0, 1),
    blame="no autoretry_for",
    mend="name OSError in autoretry_for",
    reproduce="celery-harness verify",
)
KEPT = Verdict("retry_cap", "low", Outcome.KEPT, "given up after 2 retries", "3 attempts")
UNKNOWN = Verdict("rate_limit", "low", Outcome.UNKNOWN, "20/m", "no burst was sent", reproduce="again")


def render(*verdicts: Verdict, color: bool = False) -> str:
    """The whole report."""
    return TextReport().render(CONTRACT, HISTORY, verdicts, color=color)


def test_a_broken_guarantee_tells_its_story() -> None:
    text = render(BROKEN, KEPT)
    assert "BROKEN retry_cap [critical]" in text
    assert "promised   given up after 5 retries (contract.toml:9)" in text
    assert "observed   1 attempt" in text
    assert "blame      no autoretry_for" in text
    assert "mend       name OSError in autoretry_for" in text
    assert "2.50 s  task-failed 11111111  error=OSError(28)" in text
    assert "reproduce  celery-harness verify" in text


def test_the_grid_has_a_row_for_each_guarantee_and_a_column_for_each_tier() -> None:
    grid = [line.split() for line in render(BROKEN, KEPT, UNKNOWN).splitlines()]
    assert ["guarantee", "critical", "low"] in grid
    assert ["rate_limit", "·", "unknown"] in grid
    assert ["retry_cap", "BROKEN", "kept"] in grid


def test_the_last_line_counts_outcomes() -> None:
    assert render(BROKEN, KEPT, UNKNOWN).splitlines()[-1] == "BROKEN: 1 kept, 1 broken, 1 unknown"
    assert render(KEPT).splitlines()[-1] == "kept: 1 kept, 0 broken, 0 unknown"


def test_tiers_that_fail_alike_share_a_story() -> None:
    other = Verdict("retry_cap", "low", Outcome.BROKEN, "given up after 2 retries", "9 attempts")
    text = render(BROKEN, other)
    assert text.count("BROKEN retry_cap") == 1
    assert "BROKEN retry_cap [critical, low]" in text
    assert "low: 9 attempts" in text


def test_without_colour_there_is_no_escape_and_with_it_there_is() -> None:
    assert "\x1b" not in render(BROKEN)
    assert "\x1b[" in render(BROKEN, color=True)


def test_lines_stay_within_the_width_but_for_commands() -> None:
    long = Verdict("retry_cap", "low", Outcome.BROKEN, "word " * 100, "word " * 100, reproduce="x" * 150)
    for line in render(long).splitlines():
        assert len(line) <= WIDTH or line.startswith("  reproduce")


def test_a_terminal_obeys_nothing_that_an_app_said() -> None:
    text = render(HOSTILE_VERDICT)
    assert "\x1b" not in text
    assert "\x00" not in text
    assert "hunter2" not in text


def test_hostile_text_is_shown_and_not_interpreted() -> None:
    hostile = Verdict("retry_cap", "low", Outcome.BROKEN, "[bold red]no[/]", "[link=file:///]x[/link]")
    assert "[bold red]no[/]" in render(hostile)
