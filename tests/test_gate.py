"""The gate: what is compared with what, what is run, what is accepted, and what is refused in one line."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from harness import gate, lock_file
from harness.cli import harness
from harness.contract import Contract, Retry, Tier
from harness.differences import Difference, Kind
from harness.errors import UsageError
from harness.guarantees import Guarantees
from harness.impact import Choice
from harness.inspection import Inspection
from harness.revisions import Repository
from harness.stages.processes import Processes
from harness.verdict import Outcome, Verdict
from tests.driver import missing
from tests.test_cli import CONTRACT, SHOP
from tests.test_revisions import git

LOCK = Guarantees("shop:app", outcomes={"sales": {"retry_cap": "kept"}}, tiers={"shop.sell": "sales"})
WEAKER = Difference(Kind.WEAKENED, "guarantees", "sales", "retry_cap", "kept", "broken")
SIDE = gate.Side(
    Contract((Tier("sales", ("shop.*",), queue="sales", retry=Retry(("mail",), max_retries=2)),)),
    Inspection(("shop.sell",), {}, {}),
    Path(),
)

TWO = """
from celery import Celery
app = Celery("shop", broker="redis://127.0.0.1:1/0", backend="redis://127.0.0.1:1/1")
app.conf.update(task_acks_late=True, task_reject_on_worker_lost=True)
app.conf.broker_transport_options = {"visibility_timeout": 600}

@app.task(name="shop.sell")
def sell(n):
    return n

@app.task(name="shop.tell")
def tell(n):
    return n
"""
BRAKED = """
[tiers.sales]
tasks = ["shop.*"]
[tiers.sales.loss]
within_s = 800
"""


def asked(folder: Path, **more: object) -> gate.Request:
    """A request about the app in a folder."""
    lock = folder / "reports" / "guarantees.lock.toml"
    return replace(gate.Request("shop:app", folder, lock=lock), **more)  # type: ignore[arg-type]


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """The app, its contract and its lock file, committed."""
    (tmp_path / "shop.py").write_text(SHOP)
    (tmp_path / "contract.toml").write_text(CONTRACT)
    lock_file.write(tmp_path / "reports" / "guarantees.lock.toml", lock_file.dumps(LOCK))
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "base")
    found = Repository.around(tmp_path)
    assert found is not None
    return found


def updated(request: gate.Request, outcome: str) -> None:
    """Write another outcome into the lock file."""
    found = replace(LOCK, outcomes={"sales": {"retry_cap": outcome}})
    lock_file.write(request.lock, lock_file.dumps(found))


def test_nothing_to_compare_is_refused_and_not_passed(repository: Repository) -> None:
    with pytest.raises(UsageError, match=r"Nothing differs from HEAD\. Name what .* --base origin/main"):
        gate.gate(asked(repository.root))


def test_without_git_there_must_be_a_lock_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no git repository and no lock file"):
        gate.gate(asked(tmp_path))
    with pytest.raises(UsageError, match="is in no git repository"):
        gate.gate(asked(tmp_path, base="main"))


def test_the_lock_file_of_another_app_is_named(repository: Repository) -> None:
    (repository.root / "shop.py").write_text(SHOP + "\n")
    with pytest.raises(UsageError, match="this is the lock file of shop:app, not of shop:other"):
        gate.gate(asked(repository.root, app="shop:other"))


def test_a_base_that_cannot_be_loaded_is_named(repository: Repository) -> None:
    (repository.root / "shop.py").write_text("import nowhere\n")
    git(repository.root, "commit", "-q", "-a", "-m", "broken")
    (repository.root / "shop.py").write_text(SHOP)
    with pytest.raises(UsageError, match=r"The base [0-9a-f]{10} cannot be loaded: shop:app: "):
        gate.gate(asked(repository.root))


def test_documentation_runs_nothing(repository: Repository) -> None:
    (repository.root / "README.md").write_text("# Shop\n")
    found = gate.gate(asked(repository.root))
    assert (found.choices, found.differences, found.settings, found.after) == ((), (), (), ())
    assert found.promised > 3
    assert found.base.startswith("HEAD (")


def test_all_asks_for_everything_that_is_promised() -> None:
    choices = gate.choose(asked(Path(), everything=True), SIDE, SIDE, [], [])
    assert {"retry_cap", "queue_used", "settings_known"} <= {each.guarantee for each in choices}
    assert {each.why for each in choices} == {("--all asks for everything",)}
    assert gate.choose(asked(Path()), SIDE, SIDE, [], []) == []
    assert len(gate.choose(asked(Path()), None, SIDE, [], [])) == len(choices)


def test_one_choice_for_all_tiers_runs_all_of_them() -> None:
    low, high = Choice("a", ("low",), ()), Choice("b", ("high", "low"), ())
    assert gate._tiers([low, high]) == ("high", "low")
    assert gate._tiers([low, Choice("c", (), ())]) == ()


def test_processes_has_the_final_word_and_an_option_the_only_one() -> None:
    assert gate._stages(asked(Path()))[-1] == "processes"
    assert gate._stages(asked(Path(), stage="processes")) == ["processes"]


def test_without_the_packages_of_the_simulated_stage_all_runs_on_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.stages.simulated.NEEDED", ("no_such_package",))
    assert gate._stages(asked(tmp_path)) == ["processes"]


def test_a_later_run_has_the_last_word_on_what_it_judged() -> None:
    def seen(*outcomes: tuple[str, Outcome], bent: bool) -> gate.Seen:
        verdicts = tuple(Verdict(name, "sales", outcome, "", "") for name, outcome in outcomes)
        return gate.Seen(Guarantees("shop:app"), verdicts, "x", bent=bent)

    first = seen(("retry_cap", Outcome.UNKNOWN), ("queue_used", Outcome.KEPT), bent=True)
    both = gate._joined(first, seen(("retry_cap", Outcome.KEPT), bent=False))
    assert (both.of(Outcome.KEPT), both.of(Outcome.UNKNOWN), both.bent) == (
        {"retry_cap", "queue_used"},
        set(),
        False,
    )


def test_nothing_is_measured_again_unless_clocks_bent_and_something_is_unknown() -> None:
    unknown = (Verdict("retry_cap", "sales", Outcome.UNKNOWN, "", ""),)
    kept = (Verdict("retry_cap", "sales", Outcome.KEPT, "", ""),)
    for verdicts, bent in ((unknown, False), (kept, True)):
        seen = gate.Seen(Guarantees("shop:app"), verdicts, bent=bent)
        assert gate._once_more(asked(Path()), SIDE, "processes", (), seen) is seen


def test_what_is_weaker_is_accepted_where_the_lock_file_was_updated_in_the_same_change(
    repository: Repository,
) -> None:
    request, commit = asked(repository.root), repository.base("HEAD")
    assert gate.acceptance(request, repository, commit, [WEAKER]) == (frozenset(), False)
    updated(request, "broken")
    assert gate.acceptance(request, repository, commit, [WEAKER]) == (
        frozenset({("guarantees", "sales", "retry_cap")}),
        True,
    )
    updated(request, "unknown")
    assert gate.acceptance(request, repository, commit, [WEAKER]) == (frozenset(), False)


def test_a_lock_file_that_said_so_before_accepts_nothing(repository: Repository) -> None:
    request = asked(repository.root)
    updated(request, "broken")
    git(repository.root, "commit", "-q", "-a", "-m", "lock")
    commit = repository.base("HEAD")
    assert gate.acceptance(request, repository, commit, [WEAKER]) == (frozenset(), True)
    assert gate.acceptance(request, None, "", [WEAKER])[0] == frozenset()


def test_without_a_lock_file_nothing_is_said_of_it(repository: Repository) -> None:
    request = asked(repository.root)
    request.lock.unlink()
    assert gate.acceptance(request, repository, repository.base("HEAD"), [WEAKER]) == (frozenset(), None)


def invoke(folder: Path, *words: str) -> Result:
    """A command about the app in a folder."""
    lock = str(folder / "reports" / "guarantees.lock.toml")
    command = [words[0], "-A", "shop:app", "--workdir", str(folder), "--lock", lock, *words[1:]]
    return CliRunner().invoke(harness, [*command, "--reports", str(folder / "reports")])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("gate",), "Nothing differs from HEAD."),
        (("gate", "--base", "nowhere"), "--base nowhere: git knows no such revision."),
        (("gate", "--format", "junitt"), "Did you mean junit?"),
        (("gate", "--stage", "process"), "Did you mean processes?"),
    ],
)
def test_bad_input_is_one_line_and_2(repository: Repository, words: tuple[str, ...], said: str) -> None:
    result = invoke(repository.root, *words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_weaker_guarantee_fails_until_it_is_locked(repository: Repository) -> None:
    """Without a lock file the base is run; with one it is not; the lock of the same app is the same."""
    available = Processes.available("redis")
    if not available.ok:
        missing(available)
    root = repository.root
    git(root, "rm", "-q", "reports/guarantees.lock.toml")
    (root / ".gitignore").write_text("/reports/verify-*\n__pycache__/\n")
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "no lock file")
    (root / "shop.py").write_text(SHOP.replace("max_retries=2", "max_retries=1"))
    first = invoke(root, "gate", "--format", "json", f"--format=junit={root / 'reports' / 'gate.xml'}")
    document = json.loads(first.stdout)
    assert (first.exit_code, document["outcome"]) == (1, "broken")
    assert {each["guarantee"] for each in document["choices"]} >= {"retry_cap", "retried_failures"}
    weaker = {each["name"]: each for each in document["differences"] if each["kind"] == "weakened"}
    assert set(weaker) == {"retry_cap", "attempts.filesystem"}
    assert "3 attempts" in weaker["retry_cap"]["evidence"]["before"]
    assert "2 attempts, promised 3" in weaker["retry_cap"]["evidence"]["observed"]
    assert "<failure" in (root / "reports" / "gate.xml").read_text()
    assert invoke(root, "lock").stdout.endswith("guarantees.lock.toml written\n")
    assert invoke(root, "lock", "--check").exit_code == 0
    second = invoke(root, "gate")
    assert second.exit_code == 0, second.stdout
    assert "WEAKENED retry_cap [sales]: kept, now broken (accepted by the lock file)" in second.stdout


def test_nothing_to_compare_passes_where_that_is_asked_for(repository: Repository) -> None:
    done = invoke(repository.root, "gate", "--equal-passes")
    assert (done.exit_code, done.stdout) == (0, "Nothing differs from HEAD.\n")


def test_a_task_configured_unlike_its_tier_is_locked_and_compared_on_its_own(tmp_path: Path) -> None:
    """One stands for both until one of them is acknowledged early: then each is looked at."""
    (tmp_path / "shop.py").write_text(TWO)
    (tmp_path / "contract.toml").write_text(BRAKED)
    git(tmp_path, "init", "-q")
    request = asked(tmp_path, stage="simulated", reports=tmp_path / "runs")
    lock_file.write(request.lock, lock_file.dumps(gate.lock(request)))
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "base")
    (tmp_path / "shop.py").write_text(TWO.replace('name="shop.tell"', 'name="shop.tell", acks_late=False'))
    found = gate.gate(request)
    [weaker] = [each for each in found.of(Kind.WEAKENED) if each.name == "loss"]
    assert (weaker.of, weaker.before, weaker.after) == ("shop.tell", "runs again", "lost")
    changed = gate.lock(request)
    assert (changed.facts["shop.sell"]["loss"], changed.facts["shop.tell"]["loss"]) == ("runs again", "lost")
