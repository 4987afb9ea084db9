"""`celery-harness lint` asks every rule about the app as Celery has it, and fails as it was told to."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from harness import discovery
from harness.errors import UsageError
from harness.finding import Finding, Lint, Severity
from harness.findings_report import as_json, as_text
from harness.lint import rules
from harness.rule import Rule

ROOT = Path(__file__).resolve().parents[1]
APP = """
from celery import Celery

app = Celery("shop", broker="redis://localhost:6379/0")
app.conf.task_default_max_retries = 5


@app.task(name="pay", time_limit=60)
def pay(): ...
"""


def command(folder: Path, *options: str, app: str = "shop:app") -> subprocess.CompletedProcess[str]:
    """``celery-harness lint -A APP`` in a folder."""
    words = [sys.executable, "-c", "from harness.cli import main; main()", "lint", "-A", app, *options]
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=120, check=False)


def finding(severity: Severity, **changed: str) -> Finding:
    given = {"rule": "RTY001", "where": "shop.py:3", "subject": "pay", "what": "what", **changed}
    return Finding(name="retry_path_missing", severity=severity, why="why", mend="mend", source="s", **given)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A folder with one app."""
    (tmp_path / "shop.py").write_text(APP, encoding="utf-8")
    (tmp_path / "pyproject.toml").touch()
    return tmp_path


def test_a_finding_of_severity_high_fails(shop: Path) -> None:
    """As JSON, each finding names rule, place and what to do; standard output has nothing else."""
    done = command(shop, "--json")
    assert done.returncode == 1, done.stderr
    found = json.loads(done.stdout)
    assert found["counts"]["high"] == 1
    (worst,) = [each for each in found["findings"] if each["severity"] == "high"]
    assert (worst["rule"], worst["where"]) == ("CFG002", "shop.py:5")
    assert {"name", "subject", "what", "why", "mend", "source", "suppressed"} <= set(worst)


@pytest.mark.parametrize(("threshold", "status"), [("high", 0), ("medium", 1), ("low", 1)])
def test_the_threshold_decides(shop: Path, threshold: str, status: int) -> None:
    assert command(shop, "--only", "RTY001", "--fail-on", threshold).returncode == status


def test_unknown_never_fails(shop: Path) -> None:
    done = command(shop, "--only", "queue_without_consumer", "--fail-on", "low")
    assert done.returncode == 0
    assert "RTE002 queue_without_consumer" in done.stdout


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--only", "RTY0001"), "Did you mean RTY001?"),
        (("--fail-on", "unknown"), "is not one of"),
        (("--contract", "gone.toml"), "gone.toml"),
    ],
)
def test_a_mistake_is_one_line_and_status_2(shop: Path, options: tuple[str, ...], says: str) -> None:
    done = command(shop, *options)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_an_app_that_cannot_be_loaded_is_status_2(shop: Path) -> None:
    assert command(shop, app="nowhere:app").returncode == 2


def test_the_app_to_copy_has_nothing_of_severity_high_or_medium() -> None:
    """And keeps nothing by a suppression."""
    done = command(ROOT / "myhours", "--fail-on", "medium", "--json", app="myhours.celery:app")
    assert done.returncode == 0, done.stdout
    assert json.loads(done.stdout)["counts"]["suppressed"] == 0


def test_the_documented_app_is_condemned_claim_by_claim() -> None:
    done = command(ROOT / "myhours", "--json", app="myhours.documented:app")
    assert done.returncode == 1
    found = json.loads(done.stdout)["findings"]
    assert {each["rule"] for each in found if each["severity"] == "high"} >= {
        "ACK001", "ANN001", "ANN002", "CFG001", "CFG002", "DLQ001", "OPS005", "OPS006", "PRI001", "RTE001",
        "RTE002", "RTY001",
    }  # fmt: skip
    assert len(found) > 40


@pytest.mark.parametrize("variable", ["amqp://guest@localhost//", None])
def test_the_environment_names_the_broker(
    shop: Path, variable: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broker that the app would use is judged, not the one that the harness puts in its place."""
    text = APP.replace('broker="redis://localhost:6379/0"', "")
    (shop / "shop.py").write_text(text, encoding="utf-8")
    monkeypatch.delenv("CELERY_BROKER_URL", raising=False)
    if variable:
        monkeypatch.setenv("CELERY_BROKER_URL", variable)
    assert command(shop, "--only", "PUB001").returncode == 1


def test_rules_are_found_by_id_and_name() -> None:
    assert [rule.name for rule in rules(["RTY003", "setting_unknown"])] == [
        "setting_unknown",
        "retry_unbounded",
    ]
    with pytest.raises(UsageError, match="no rule named"):
        rules(["nothing"])


def test_ids_are_unique_and_of_one_form() -> None:
    ids = [rule.id for rule in rules()]
    assert len(ids) == len(set(ids)) >= 60
    assert all(len(each) == 6 and each[:3].isupper() and each[3:].isdigit() for each in ids)


@pytest.mark.parametrize("name", discovery.names("rules"))
def test_a_rule_says_all_that_a_reader_needs(name: str) -> None:
    """Why, mend and source as sentences; and its proof, or why no run can show it."""
    rule: Rule = discovery.find("rules", name)()
    assert rule.why.endswith(".")
    assert rule.mend.endswith(".")
    assert rule.source
    assert bool(rule.proof) != bool(rule.unshown)
    if rule.proof:
        path, _, test = rule.proof.partition("::")
        assert f"def {test}(" in (ROOT / path).read_text(encoding="utf-8")


def test_text_says_why_once_and_names_every_place() -> None:
    one, two = finding(Severity.HIGH), finding(Severity.HIGH, where="shop.py:9", subject="sell")
    text = as_text(Lint("shop:app", (one, two), 1))
    assert text.count("why     why") == 1
    assert "  what:\n    shop.py:3  pay\n    shop.py:9  sell\n" in text
    assert text.endswith("shop:app: 1 rules; 2 high, 0 medium, 0 low, 0 unknown, 0 suppressed\n")


def test_what_is_kept_is_shown_with_its_reason_and_does_not_fail() -> None:
    kept = replace(finding(Severity.HIGH), suppressed="until June")
    found = Lint("shop:app", (kept,), 1)
    assert not found.failed(Severity.LOW)
    assert "RTY001 shop.py:3  pay: until June" in as_text(found)
    assert json.loads(as_json(found))["counts"]["suppressed"] == 1
