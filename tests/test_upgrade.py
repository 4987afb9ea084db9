"""What an upgrade or another broker changes: a small app, run by Celery 5.4 and by what is installed."""

from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from harness import environments
from harness.broker import Availability
from harness.cli import harness
from harness.differences import Kind
from harness.errors import StageError, UsageError
from harness.guarantees import Guarantees
from harness.upgrade import Compared, Request, Side, compared, plan, worst
from harness.upgrade_report import as_text
from harness.verdict import Outcome, Verdict
from tests.driver import missing

SHOP = """
from celery import Celery
app = Celery("shop", broker="redis://127.0.0.1:1/0", backend="redis://127.0.0.1:1/1")
app.conf.update(task_default_queue="sales", result_expires=3600, result_failure_expires=7200)

@app.task(name="shop.sell", autoretry_for=(OSError,), retry_backoff=2, retry_jitter=False, max_retries=2)
def sell(n):
    return n
"""
CONTRACT = """
schema = 1
[workers.all]
queues = ["sales"]
concurrency = 2
[tiers.sales]
tasks = ["shop.*"]
queue = "sales"
[tiers.sales.retry]
max_retries = 2
on = ["filesystem"]
[tiers.sales.result]
expires_s = 3600
failure_expires_s = 7200
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the app and its contract."""
    folder = tmp_path_factory.mktemp("upgrade")
    (folder / "shop.py").write_text(SHOP)
    (folder / "contract.toml").write_text(CONTRACT)
    return folder


def invoke(folder: Path, *words: str) -> Result:
    """The command about the app in a folder, on the simulated stage."""
    command = ["compare", "-A", "shop:app", "--workdir", str(folder), "--stage", "simulated"]
    return CliRunner().invoke(harness, [*command, *words])


@pytest.fixture(scope="module")
def document(shop: Path) -> dict[str, Any]:
    """What Celery 5.4 does otherwise."""
    if metadata.version("celery") < "5.7":
        pytest.skip("Celery 5.7 is to be left")
    try:
        environments.python_of(["celery==5.4.0"])
    except (StageError, UsageError) as error:
        missing(Availability(ok=False, why=str(error), remedy="pip install 'celery-harness[upgrade]'"))
    only = [word for name in ("settings_known", "result_expiry", "retry_cap") for word in ("--only", name)]
    done = invoke(shop, "--with", "celery==5.4.0", "--json", *only)
    assert done.exit_code == 1, done.stderr
    (found,) = json.loads(done.stdout)["comparisons"]
    return dict(found)


def test_both_sides_are_what_was_asked_for_and_all_else_is_the_same(document: dict[str, Any]) -> None:
    before, after = (document[side]["versions"] for side in ("first", "other"))
    assert (before["celery"], after["celery"]) == (metadata.version("celery"), "5.4.0")
    assert before["kombu"] == after["kombu"]


def test_a_setting_that_only_the_newer_one_reads_is_told_and_so_is_what_it_did(
    document: dict[str, Any],
) -> None:
    """``result_failure_expires`` is new in Celery 5.7 (celery/app/defaults.py)."""
    found = {(each["part"], each["name"]): each for each in document["differences"]}
    assert set(found) == {
        ("guarantees", "settings_known"), ("guarantees", "result_expiry"), ("facts", "result.failure"),
    }  # fmt: skip
    assert (found["facts", "result.failure"]["before"], found["facts", "result.failure"]["after"]) == (
        7200,
        3600,
    )
    assert "result_failure_expires" in found["guarantees", "settings_known"]["observed_other"]
    gone = {each["name"]: each for each in document["settings"]}["result_failure_expires"]
    assert (gone["before"], gone["after"]) == (7200, None)


def test_what_both_do_alike_is_not_told(document: dict[str, Any]) -> None:
    assert not any(each["name"].startswith(("retry_cap", "attempts")) for each in document["differences"])


def test_brokers_are_compared_like_versions(shop: Path) -> None:
    done = invoke(shop, "--broker", "redis", "--broker", "rabbitmq", "--only", "retry_cap")
    assert done.exit_code == 0, done.stderr
    assert "installed, redis" in done.stdout
    assert "-> installed, rabbitmq" in done.stdout
    assert "no difference was observed" in done.stdout


@pytest.mark.parametrize(
    ("versions", "brokers", "sides"),
    [
        (("celery==5.6.3",), (), [("", "redis"), ("celery==5.6.3", "redis")]),
        (("a==1", "a==2"), (), [("a==1", "redis"), ("a==2", "redis")]),
        ((), ("redis", "rabbitmq"), [("", "redis"), ("", "rabbitmq")]),
    ],
)
def test_one_version_is_compared_with_what_is_installed_and_several_with_each_other(
    versions: tuple[str, ...], brokers: tuple[str, ...], sides: list[tuple[str, str]]
) -> None:
    assert plan(Request("shop:app", Path(), versions, brokers)) == sides


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "There is nothing to compare with. Name a version or brokers"),
        (("--broker", "redis"), "There is nothing to compare with."),
        (("--broker", "kafka"), "There is no broker named 'kafka'"),
        (("--with", "celery==5.4.0", "--stage", "simulate"), "Did you mean simulated?"),
    ],
)
def test_bad_input_is_one_line_and_2(shop: Path, words: tuple[str, ...], said: str) -> None:
    done = invoke(shop, *words)
    assert (done.exit_code, done.stdout) == (2, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_without_uv_it_is_said_in_one_line(
    shop: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    done = invoke(shop, "--with", "celery==5.4.0")
    assert done.exit_code == 2
    assert done.stderr.startswith("celery-harness: uv is not installed")
    assert done.stderr.count("\n") == 1


def side(name: str, outcome: str) -> Side:
    """One side that judged one guarantee."""
    verdict = Verdict("retry_cap", "sales", Outcome(outcome), "3 attempts", f"seen by {name}")
    return Side(name, Guarantees("shop:app", outcomes={"sales": {"retry_cap": outcome}}), (verdict,), {})


def test_a_difference_is_told_with_what_was_seen_on_both_sides() -> None:
    found = compared(side("old", "kept"), side("new", "broken"))
    assert [(each.difference.kind, each.before, each.after) for each in found.behaviour] == [
        (Kind.WEAKENED, "seen by old", "seen by new"),
    ]
    assert "WEAKENED     retry_cap of sales: kept, now broken" in as_text([found])


def test_the_worst_comparison_counts() -> None:
    pairs: list[Compared] = [compared(side("a", "kept"), side("b", each)) for each in ("kept", "unknown")]
    assert [each.outcome for each in pairs] == [Outcome.KEPT, Outcome.UNKNOWN]
    assert worst(pairs) is Outcome.UNKNOWN
