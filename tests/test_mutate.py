"""Each changed setting is noticed, or it is said why not: a small app on a simulated stage."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from harness.cli import harness
from harness.errors import UsageError
from harness.mutate import chosen, outcome_of
from harness.mutation import Mutant
from harness.mutation_bench import EQUIVALENT, KILLED, SURVIVED, UNJUDGED, Judged
from harness.mutation_report import Score, as_json, as_text

SHOP = """
import os
from celery import Celery
app = Celery("shop", broker="redis://127.0.0.1:1/0", backend="redis://127.0.0.1:1/1")
RETRIES, COLOUR = int(os.environ.get("SHOP_RETRIES", 2)), os.environ.get("SHOP_COLOUR", "12")
app.conf.update(task_acks_late=True, task_routes={"shop.*": {"queue": "sales"}}, task_default_queue="sales")
app.conf.broker_transport_options = {"visibility_timeout": 600}

OPTIONS = {"autoretry_for": (OSError,), "retry_backoff": 2, "retry_jitter": False, "max_retries": RETRIES}

@app.task(name="shop.sell", **OPTIONS)
def sell(n):
    return n

@app.task(name="shop.tell", **OPTIONS)
def tell(n):
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
[tiers.sales.loss]
within_s = 800
"""
MADE = (
    "retry_cap", "prefetch", "acknowledgement/acks_late/*", "environment", "worker_layout", "route",
    "serializer/task_serializer/*",
)  # fmt: skip


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the app and its contract."""
    folder = tmp_path_factory.mktemp("mutate")
    (folder / "shop.py").write_text(SHOP)
    (folder / "contract.toml").write_text(CONTRACT)
    return folder


def invoke(folder: Path, *words: str) -> Result:
    """The command about the app in a folder."""
    return CliRunner().invoke(harness, ["mutate", "-A", "shop:app", "--workdir", str(folder), *words])


@pytest.fixture(scope="module")
def judged(shop: Path) -> dict[str, Any]:
    """What became of some mutants, by id."""
    before = {path: path.read_bytes() for path in shop.glob("*.*")}
    done = invoke(shop, "--json", *(word for name in MADE for word in ("--only", name)))
    assert done.exit_code == 1, done.stderr
    assert {path: path.read_bytes() for path in shop.glob("*.*")} == before
    document = json.loads(done.stdout)
    assert document["broken_without_mutation"] == []
    return {each["id"]: each for each in document["mutants"]}


@pytest.mark.parametrize(
    ("mutant", "noticed_by"),
    [
        ("retry_cap/max_retries/shop.sell/1", "retry_cap [sales]"),
        ("retry_cap/max_retries/shop.sell/None", "retry_cap [sales]"),
        ("route/queue/shop.sell/nowhere", "queue_consumed [app]"),
        ("environment/SHOP_RETRIES/20", "retry_cap [sales]"),
        ("worker_layout/workers.all.pool/solo", ""),
        ("serializer/task_serializer/pickle", ""),
    ],
)
def test_what_breaks_a_promise_is_noticed_and_it_says_by_what(
    judged: dict[str, Any], mutant: str, noticed_by: str
) -> None:
    assert judged[mutant]["outcome"] == "killed"
    assert judged[mutant]["noticed_by"].startswith(noticed_by)
    assert judged[mutant]["evidence"]


def test_a_change_of_one_task_is_tried_on_this_task(judged: dict[str, Any]) -> None:
    """Where one task stands for its tier, it is the one that changed."""
    for task in ("shop.sell", "shop.tell"):
        found = judged[f"acknowledgement/acks_late/{task}/False"]
        assert (found["outcome"], found["noticed_by"]) == ("killed", "loss_recovered [sales]")
        assert task in found["evidence"]


def test_what_nobody_promises_survives_and_says_so(judged: dict[str, Any]) -> None:
    found = judged["prefetch/worker_prefetch_multiplier/16"]
    assert found["outcome"] == "survived"
    assert found["reason"] == "not promised: priority_order"


def test_what_changes_nothing_of_promise_is_told_apart(judged: dict[str, Any]) -> None:
    """The app keeps the colour, and no guarantee has to do with it."""
    assert judged["environment/SHOP_COLOUR/120"]["outcome"] == "survived"
    assert judged["environment/SHOP_COLOUR/120"]["reason"].startswith("nothing is promised of it")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--only", "retry_kap"), "There is no mutant 'retry_kap' of this app. Did you mean retry_cap?"),
        (("--broker", "kafka"), "There is no broker named 'kafka'"),
        (("--contract", "nowhere.toml"), "nowhere.toml"),
    ],
)
def test_bad_input_is_one_line_and_2(shop: Path, words: tuple[str, ...], said: str) -> None:
    done = invoke(shop, *words)
    assert (done.exit_code, done.stdout) == (2, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def mutant(after: object = 1, **more: Any) -> Mutant:
    """A change of nothing in particular."""
    return Mutant("retry_cap", "max_retries", 2, after, task="shop.sell", **more)


def score(*outcomes: str) -> Score:
    """A score of mutants with these outcomes."""
    found = [Judged(mutant(place), each, reason="why") for place, each in enumerate(outcomes)]
    return Score("shop:app", "redis", 1, tuple(found))


def test_the_score_leaves_out_what_is_equivalent() -> None:
    found = score(KILLED, KILLED, KILLED, SURVIVED, EQUIVALENT)
    assert (found.counted, found.percent) == (4, 75.0)
    assert [outcome_of(found, at_least) for at_least in (100, 75)] == [1, 0]
    assert outcome_of(score(KILLED, EQUIVALENT), 100) == 0


def test_what_could_not_be_judged_counts_as_not_noticed() -> None:
    assert score(KILLED, UNJUDGED).percent == 50.0


def test_where_there_is_nothing_to_change_nothing_is_known() -> None:
    assert outcome_of(score(), 0) == 3
    assert "there is nothing to change" in as_text(score())


def test_each_survivor_is_told_with_its_reason_and_how_to_make_it_again() -> None:
    text = as_text(score(KILLED, SURVIVED))
    assert "SURVIVED max_retries of shop.sell: 2, now 1" in text
    assert "--only 'retry_cap/max_retries/shop.sell/1'" in text
    assert "mutation score: 50.0 % (2 mutants: 1 killed, 1 survived)" in text


def test_credentials_are_not_shown() -> None:
    found = Mutant("environment", "SHOP_TOKEN", "abc", "xyz")
    document = as_json(Score("shop:app", "redis", 1, (Judged(found, SURVIVED),)))
    assert "abc" not in document


def test_one_can_ask_for_an_operator_or_for_some_of_its_mutants() -> None:
    every = [mutant(1), mutant(3)]
    assert chosen(every, ["retry_cap"]) == every
    assert chosen(every, ["retry_cap/*/3"]) == [every[1]]
    with pytest.raises(UsageError, match="--list shows all"):
        chosen(every, ["zzz"])
