"""The report for programs: one JSON document with everything in it."""

from __future__ import annotations

import json

from harness.contract import Contract, Tier
from harness.history import Event, Header, History
from harness.reporters.json import Json
from harness.verdict import Outcome, Verdict, from_document

CONTRACT = Contract((Tier("critical", ("pay.*",)),))
HISTORY = History(
    Header(app="shop:app", stage="processes", broker="redis", seed=7, versions={"celery": "5.7.0"}), ()
)
VERDICTS = (
    Verdict(
        "retry_cap", "critical", Outcome.BROKEN, "5 retries", "1 attempt", events=(3, 4), blame="b", mend="m"
    ),
    Verdict("queue_used", "critical", Outcome.KEPT, "critical", "critical"),
)


def test_the_document_says_what_was_run_and_what_came_of_it() -> None:
    document = json.loads(Json().render(CONTRACT, HISTORY, VERDICTS, color=True))
    assert document["outcome"] == "broken"
    assert (document["app"], document["broker"], document["seed"]) == ("shop:app", "redis", 7)
    assert document["versions"] == {"celery": "5.7.0"}


def test_the_verdicts_can_be_read_back() -> None:
    document = json.loads(Json().render(CONTRACT, HISTORY, VERDICTS, color=False))
    assert tuple(from_document(document["verdicts"])) == VERDICTS


def test_it_ends_with_a_newline() -> None:
    assert Json().render(CONTRACT, HISTORY, (), color=False).endswith("}\n")


def test_credentials_of_arguments_and_addresses_are_not_shown() -> None:
    sent = Event(0.0, "task-sent", "client", "a", "t", {"kwargs": {"password": "hunter2-long"}})
    verdict = Verdict("dead_letter", "t", Outcome.BROKEN, "p", "lost: hunter2-long, redis://:pw@host")
    shown = Json().render(CONTRACT, History(Header(app="shop:app"), (sent,)), [verdict], color=False)
    assert "hunter2-long" not in shown
    assert ":pw@" not in shown
