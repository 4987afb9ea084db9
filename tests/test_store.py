"""Runs are kept so that they can be judged again, and not for ever."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness import store
from harness.contract import Contract, Tier
from harness.errors import HarnessError, HistoryError, StageError, UsageError
from harness.history import Event, Header, History
from harness.verdict import Outcome, Verdict, overall

CONTRACT = Contract(tiers=(Tier("shop", ("shop.*",), queue="celery"),))
HISTORY = History(
    Header(app="shop:app", seed=7, contract="contract.toml", origins={"shop.queue": "contract.toml:3"}),
    (Event(0.5, "task-sent", "client:1", "a", "shop.sell", {"queue": "celery"}),),
)
VERDICTS = [
    Verdict("queue_used", "shop", Outcome.BROKEN, "celery", "other", "contract.toml:3", (0,), "a", "b", "c"),
    Verdict("retry_cap", "shop", Outcome.UNKNOWN, "5", "nothing"),
]


def save(reports: Path) -> Path:
    return store.save(reports, "verify-shop", CONTRACT, HISTORY, VERDICTS)


def test_a_run_is_read_as_it_was_kept(tmp_path: Path) -> None:
    folder = save(tmp_path)
    assert folder.parent == tmp_path / "verify-shop"
    assert folder.name.endswith("-seed7")
    contract, history = store.load(folder)
    assert history == HISTORY
    assert contract.tiers == CONTRACT.tiers
    assert (contract.path, contract.origins) == ("contract.toml", {"shop.queue": "contract.toml:3"})
    assert store.load_verdicts(folder) == VERDICTS


def test_a_page_that_the_disk_does_not_take_is_one_line_and_the_run_is_kept(tmp_path: Path) -> None:
    folder = save(tmp_path)
    (folder / "report.html").mkdir()
    with pytest.raises(StageError, match=r"the run is kept, and its report\.html could not be"):
        store.save_page(folder, "<!doctype html>")
    assert store.load_verdicts(folder) == VERDICTS


def test_only_the_latest_runs_of_a_scenario_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "KEPT_RUNS", 3)
    other = store.save(tmp_path, "verify-other", CONTRACT, HISTORY, VERDICTS)
    runs = [save(tmp_path) for _ in range(5)]
    assert sorted((tmp_path / "verify-shop").iterdir()) == sorted(runs[2:])
    assert other.exists()


def test_runs_of_one_millisecond_do_not_meet(tmp_path: Path) -> None:
    assert len({save(tmp_path) for _ in range(20)}) == 20


def test_what_somebody_put_beside_the_runs_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "KEPT_RUNS", 1)
    first = save(tmp_path)
    (first.parent / "notes.txt").write_text("mine")
    (first.parent / "0-own").mkdir()
    (first / "figures").mkdir()
    (first / "figures" / "one.txt").write_text("a report's own")
    latest = save(tmp_path)
    assert {path.name for path in first.parent.iterdir()} == {"notes.txt", "0-own", latest.name}


@pytest.mark.parametrize("name", ["", "nothing"])
def test_a_folder_without_a_run_is_a_usage_error(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no stored run here"):
        store.load(tmp_path / name)


def test_a_run_without_its_contract_has_a_hole(tmp_path: Path) -> None:
    folder = save(tmp_path)
    (folder / "contract.toml").unlink()
    with pytest.raises(HistoryError, match=r"contract\.toml"):
        store.load(folder)


@pytest.mark.parametrize("content", [b"schema = ", b"\xff", b""])
def test_a_damaged_contract_is_no_traceback(content: bytes, tmp_path: Path) -> None:
    folder = save(tmp_path)
    (folder / "contract.toml").write_bytes(content)
    with pytest.raises(HarnessError):
        store.load(folder)


@pytest.mark.parametrize("content", ["", "7", "[{}]", '[{"outcome": "perhaps", "events": []}]', "[1]"])
def test_damaged_verdicts_are_a_hole_in_the_record(content: str, tmp_path: Path) -> None:
    folder = save(tmp_path)
    (folder / "verdict.json").write_text(content)
    with pytest.raises(HistoryError, match=r"verdict\.json"):
        store.load_verdicts(folder)


def test_a_run_is_as_bad_as_its_worst_guarantee_and_nothing_is_not_kept() -> None:
    kept, broken, unknown = (Verdict("g", "t", outcome, "", "") for outcome in Outcome)
    assert overall([kept, kept]) is Outcome.KEPT
    assert overall([kept, unknown]) is Outcome.UNKNOWN
    assert overall([unknown, broken, kept]) is Outcome.BROKEN
    assert overall([]) is Outcome.UNKNOWN


def test_a_run_is_judged_again_with_the_tasks_that_the_app_had(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"tasks": {"shop.sell": {}, "other.task": {}}}
    history = History(replace(HISTORY.header, settings=settings), HISTORY.events)
    folder = store.save(tmp_path, "verify-shop", CONTRACT, history, VERDICTS)
    contract, _ = store.load(folder)
    assert contract.tiers[0].members == ("shop.sell",)


def test_a_disk_that_takes_no_more_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "verify-shop").write_text("a file where a folder is to be")
    with pytest.raises(HarnessError, match="the run could not be kept ") as caught:
        save(tmp_path)
    assert caught.value.exit_status == 2


def test_what_is_kept_has_no_credentials_and_can_still_be_compared(tmp_path: Path) -> None:
    """Passwords of URLs, and what stands under a name that tells a secret, also where a text repeats it."""
    sent = Event(0.0, "task-sent", "client", "a", "shop.sell", {"kwargs": {"api_token": "s3cr3t-token"}})
    letter = {"record": {"kwargs": "{'api_token': 's3cr3t-token'}"}, "destination": "redis://:hunter2@host"}
    filed = Event(1.0, "dead-lettered", "harness", "a", "shop.sell", letter)
    verdict = Verdict(
        "dead_letter", "t", Outcome.BROKEN, "p", "not filed: s3cr3t-token at redis://:hunter2@h"
    )
    history = History(Header(app="shop:app"), (sent, filed))
    folder = store.save(tmp_path, "shop", Contract((Tier("t", ("*",)),)), history, [verdict])
    kept = "".join(path.read_text(encoding="utf-8") for path in folder.iterdir())
    assert "s3cr3t-token" not in kept
    assert "hunter2" not in kept
    _, again = store.load(folder)
    masked = again.events[0].get("kwargs")["api_token"]
    assert masked in again.events[1].get("record")["kwargs"]
    assert masked in store.load_verdicts(folder)[0].observed
