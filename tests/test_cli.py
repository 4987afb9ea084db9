"""The command line: what it answers, where, and with which exit status; never a traceback."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from harness import discovery
from harness.cli import harness
from harness.contract_file import loads
from harness.stages.containers import Containers
from harness.stages.processes import Processes
from tests.driver import missing

ROOT = Path(__file__).resolve().parents[1]
SHOP = """
from celery import Celery
app = Celery("shop", broker="redis://127.0.0.1:1/0", backend="redis://127.0.0.1:1/1")
app.conf.update(task_acks_late=True, task_routes={"shop.sell": {"queue": "sales"}})

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
tasks = ["shop.sell"]
queue = "sales"

[tiers.sales.retry]
max_retries = 2
on = ["filesystem"]
"""


@dataclass(frozen=True)
class Done:
    """What a command came to."""

    status: int
    out: str
    err: str


def command(
    *words: str, cwd: Path, environment: Mapping[str, str] | None = None, program: str = "harness.cli"
) -> Done:
    """The command in a process of its own, its output in pipes."""
    code = f"import sys; sys.argv[0] = 'celery-harness'; from {program} import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, *words],
        cwd=cwd, env={**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})},
        capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    return Done(done.returncode, done.stdout, done.stderr)


def invoke(*words: str) -> Result:
    """The command in this process; whatever it raises beside an exit status fails the test."""
    result = CliRunner().invoke(harness, words, prog_name="celery-harness")
    assert isinstance(result.exception, SystemExit | None), result.exc_info
    return result


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with an app and its contract."""
    write(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder: Path) -> None:
    (folder / "shop.py").write_text(SHOP, encoding="utf-8")
    (folder / "contract.toml").write_text(CONTRACT, encoding="utf-8")


def one_line(text: str, pattern: str) -> None:
    assert "Traceback" not in text
    (line,) = text.strip().splitlines()
    assert line.startswith("celery-harness: ")
    assert re.search(pattern, line), line


@pytest.mark.parametrize(
    ("app", "text", "pattern"),
    [
        ("nothing:app", "", r"cannot be loaded: ModuleNotFoundError: No module named 'nothing'"),
        ("shop:nothing", SHOP, r"cannot be loaded: AttributeError: shop has no nothing"),
        ("shop:app", "raise RuntimeError('no license')", r"RuntimeError: no license at .*shop\.py\", line 1"),
        ("shop:app", "raise RuntimeError('two\\nlines')", r"RuntimeError: two at .*shop\.py"),
        ("shop:app", "x = 1\nx +", r"SyntaxError: .*shop\.py"),
        ("shop:app", "x = 1", r"cannot be loaded: AttributeError: shop has no app"),
        ("shop:app", "import sys; sys.exit('no')", r"cannot be loaded: SystemExit: no"),
        ("shop:app", "raise KeyboardInterrupt", r"cannot be loaded: KeyboardInterrupt"),
        ("shop:app", "import os; os._exit(3)", r"the process that imports it ended"),
        ("shop:app", "app = 7", r"cannot be loaded"),
        ("shop", "x = 1", r"cannot be loaded"),
    ],
)
def test_an_app_that_cannot_be_loaded_is_one_line_and_2(
    app: str, text: str, pattern: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shop.py").write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    for words in (("contract", "-A", app), ("verify", "-A", app)):
        result = invoke(*words)
        one_line(result.stderr, pattern)
        assert result.exit_code == 2
        assert result.stdout == ""


@pytest.mark.parametrize("app", ["nothing:app", "shop:app"])
def test_an_app_that_breaks_on_the_stage_is_one_line_and_2(app: str, shop: Path) -> None:
    """With a contract at hand the stage is the first to load it."""
    (shop / "shop.py").write_text("raise RuntimeError('no license')", encoding="utf-8")
    result = invoke("verify", "-A", app)
    one_line(result.stderr, r"cannot be loaded: (ModuleNotFoundError|RuntimeError: no license at .*shop\.py)")
    assert result.exit_code == 2
    assert not (shop / "reports").exists()


@pytest.mark.parametrize(
    ("content", "pattern"),
    [
        (b"", r"contract\.toml"),
        (b"schema = ", r"contract\.toml:1: not TOML"),
        (b"schema = 1\n[tiers.a]\ntasks = [\n", r"contract\.toml:3: not TOML"),
        (b"\xff\xfe\x00", r"contract\.toml"),
        (b"schema = 1\n[tiers.a]\ntasks = ['nothing.*']\n", r"contract\.toml.*nothing\.\*"),
        (b"schema = 1\n[tiers.a]\ntasks = ['shop.sel']\n", r"shop\.sel\b.*shop\.sell"),
        (b"schema = 1\n[tiers.a]\ntasks = ['shop.*']\nqueu = 'a'\n", r"contract\.toml:4.*queue"),
        (b"schema = 1\n[tiers.a]\ntasks = ['shop.*']\nretry = { max_retries = -1 }\n", r"contract\.toml:4"),
        (b"schema = 99\n", r"contract\.toml.*99"),
    ],
)
def test_a_contract_that_means_nothing_is_one_line_and_2(content: bytes, pattern: str, shop: Path) -> None:
    (shop / "contract.toml").write_bytes(content)
    result = invoke("verify", "-A", "shop:app", "--seed", "1")
    one_line(result.stderr, pattern)
    assert result.exit_code == 2


@pytest.mark.parametrize(
    ("words", "pattern"),
    [
        (("--only", "retry_cup"), r"retry_cup.*Did you mean retry_cap\?"),
        (("--only", "quark"), r"quark.*There are: .*no_lost_task"),
        (("--tier", "sale"), r"no tier 'sale'.*sales"),
        (("--stage", "proceses"), r"Did you mean processes\?"),
        (("--broker", "rabitmq"), r"Did you mean rabbitmq\?"),
        (("--broker", "kafka"), r"There are: rabbitmq, redis"),
        (("--server", "no-such-server"), r"no-such-server"),
        (("--contract", "nothing.toml"), r"nothing\.toml"),
        (("--contract", "shop.py"), r"shop\.py"),
        *((("--warp", rate), r"auto, off, or a number") for rate in ("fast", "0", "61", "-1", "nan", "")),
    ],
)  # fmt: skip
def test_an_option_that_names_nothing_is_one_line_with_a_suggestion_and_2(
    words: tuple[str, ...], pattern: str, shop: Path
) -> None:
    result = invoke("verify", "-A", "shop:app", *words)
    one_line(result.stderr, pattern)
    assert result.exit_code == 2


def test_no_app_is_one_line_that_says_how_to_name_one(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["celery-harness", "verify"])
    result = invoke("verify")
    one_line(result.stderr, r"-A proj\.celery:app")
    assert result.exit_code == 2


@pytest.mark.parametrize(
    ("words", "pattern"),
    [
        (("verify", "-A", "shop:app", "--seed", "one"), r"'--seed': 'one' is not a valid integer"),
        (("verify", "-A", "shop:app", "--seed", "-1"), r"'--seed': -1 is not in the range 0<=x<="),
        (("verify", "-A", "shop:app", "--seed", "9" * 30), r"'--seed': 9+ is not in the range 0<=x<="),
        (("verify", "-A", "shop:app", "--reports", ""), r"'--reports': the name of the folder is empty\."),
        (("verify", "--onyl", "x"), r"No such option '--onyl'.*All options: celery-harness verify --help"),
        (("--verbose",), r"No such option '--verbose'.*All options: celery-harness --help"),
        (("list", "fautls"), r"'fautls' is not one of 'faults'"),
        (("judge",), r"Missing argument 'RUN'"),
    ],
)
def test_an_option_that_cannot_be_read_is_one_line_and_2(words: tuple[str, ...], pattern: str) -> None:
    result = invoke(*words)
    one_line(result.stderr, pattern)
    assert (result.exit_code, result.stdout) == (2, "")


def test_a_command_that_there_is_not_is_one_line_with_a_suggestion_and_2() -> None:
    result = invoke("verfy", "-A", "shop:app")
    one_line(result.stderr, r"no command 'verfy'.*Did you mean verify\?")
    assert result.exit_code == 2


@pytest.mark.parametrize(
    "words", [("--workdir", "nothing"), ("--seed", "x"), ("--database", "oracle"), ("--x",)]
)
def test_what_click_refuses_is_2_as_well(words: tuple[str, ...], shop: Path) -> None:
    result = invoke("verify", "-A", "shop:app", *words)
    assert result.exit_code == 2
    one_line(result.stderr, "All options: ")


def test_reports_where_no_folder_can_be_made_are_refused_before_the_run(shop: Path) -> None:
    """Root may write anywhere, and still not here."""
    result = invoke("verify", "-A", "shop:app", "--only", "retry_cap", "--reports", "/proc/reports")
    assert result.exit_code == 2
    one_line(result.stderr, r"/proc/reports: runs cannot be kept here \(.+\)")


def test_an_empty_name_is_no_app(shop: Path) -> None:
    result = invoke("verify", "-A", "")
    assert result.exit_code == 2
    one_line(result.stderr, r"No app was named: -A is empty")


@pytest.mark.parametrize("command", ["verify", "contract"])
def test_an_app_without_tasks_is_said_to_be_one(command: str, tmp_path: Path) -> None:
    (tmp_path / "bare.py").write_text("from celery import Celery\napp = Celery('bare')\n", encoding="utf-8")
    result = invoke(command, "-A", "bare:app", "--workdir", str(tmp_path))
    assert result.exit_code == 2
    one_line(result.stderr, r"bare:app: the app has no tasks\. Import their modules")


def test_reports_that_cannot_be_written_are_refused_before_the_run(shop: Path) -> None:
    """A run whose record has no place would be lost after a minute."""
    (shop / "file").write_text("")
    result = invoke("verify", "-A", "shop:app", "--only", "retry_cap", "--reports", "file/reports")
    assert result.exit_code == 2
    one_line(result.stderr, r"file/reports: runs cannot be kept here")


# One run, judged and shown in every way.


@pytest.fixture(scope="module")
def workdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the app; tests of this part do not change it."""
    folder = tmp_path_factory.mktemp("work")
    write(folder)
    return folder


@pytest.fixture(scope="module")
def verified(workdir: Path) -> Done:
    """One run of the command, its output in pipes."""
    available = Processes.available("redis")
    if not available.ok:
        missing(available)
    return command("verify", "-A", "shop:app", "--seed", "1", "--only", "retry_cap", "--json", cwd=workdir)


@pytest.fixture
def stored(verified: Done, workdir: Path, tmp_path: Path) -> Path:
    """A copy of the run that was kept."""
    (run,) = (workdir / "reports" / "verify-shop-redis").iterdir()
    copy = tmp_path / "reports" / "verify-shop-redis" / run.name
    shutil.copytree(run, copy)
    return copy


def test_json_is_one_document_alone_and_nothing_of_the_progress_is_in_a_pipe(verified: Done) -> None:
    assert verified.status == 0, verified.err
    assert verified.err == ""
    document = json.loads(verified.out)
    (verdict,) = document["verdicts"]
    assert (verdict["guarantee"], verdict["tier"], verdict["outcome"]) == ("retry_cap", "sales", "kept")
    assert "--seed 1 --only retry_cap --tier sales" in verdict["reproduce"]


def test_a_stored_run_is_judged_to_the_same_verdicts_without_a_broker(verified: Done, stored: Path) -> None:
    again = invoke("judge", str(stored), "--json")
    assert again.exit_code == verified.status
    assert json.loads(again.stdout)["verdicts"] == json.loads(verified.out)["verdicts"]
    assert json.loads((stored / "verdict.json").read_text()) == json.loads(verified.out)["verdicts"]


@pytest.mark.parametrize("name", discovery.names("reporters"))
def test_a_stored_run_is_shown_in_every_format(name: str, stored: Path) -> None:
    result = invoke("judge", str(stored), "--format", name)
    assert (result.exit_code, result.stderr) == (0, "")
    assert re.search(r"retry\\?_cap", result.stdout) or name == "sarif"


def test_a_format_that_there_is_not_is_named_with_the_one_that_was_meant(stored: Path) -> None:
    result = invoke("judge", str(stored), "--format", "sariff")
    assert result.exit_code == 2
    assert result.stderr == "celery-harness: There is no reporter named 'sariff'. Did you mean sarif?\n"


def test_a_report_without_a_terminal_has_no_colour(stored: Path) -> None:
    result = invoke("judge", str(stored))
    assert "retry_cap" in result.stdout
    assert "\x1b" not in result.stdout


def test_quiet_says_nothing_when_all_is_kept(stored: Path) -> None:
    result = invoke("judge", str(stored), "--quiet")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")


def test_a_broken_guarantee_is_1_and_quiet_shows_it(stored: Path) -> None:
    path = stored / "contract.toml"
    path.write_text(re.sub(r"max_retries = 2", "max_retries = 1", path.read_text()))
    result = invoke("judge", str(stored), "--quiet")
    assert result.exit_code == 1
    assert "retry_cap" in result.stdout
    assert "reproduce" in result.stdout.lower() or "celery-harness verify" in result.stdout


def test_what_nothing_put_to_the_test_is_3(stored: Path) -> None:
    path = stored / "history.jsonl"
    head, *body, _ = path.read_text().splitlines()
    kept = [line for line in body if "task" not in json.loads(line)["kind"]]
    path.write_text("\n".join([head, *kept, json.dumps({"end": len(kept)})]) + "\n")
    result = invoke("judge", str(stored))
    assert result.exit_code == 3
    assert "unknown" in result.stdout.lower()


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("what", ["judge", "replay"])
def test_a_history_cut_in_the_middle_is_one_line_and_3(what: str, share: float, stored: Path) -> None:
    path = stored / "history.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    result = invoke(what, str(stored))
    one_line(result.stderr, r"history\.jsonl.*(cut|empty|damaged)")
    assert result.exit_code == 3


@pytest.mark.parametrize("what", ["judge", "replay"])
def test_a_run_that_is_not_there_is_one_line_and_2(what: str, tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nothing"):
        result = invoke(what, str(folder))
        one_line(result.stderr, r"no stored run here")
        assert result.exit_code == 2


def test_a_stored_run_is_run_again_with_its_seed_and_kept_beside_it(stored: Path) -> None:
    result = invoke("replay", str(stored))
    assert result.exit_code == 0, result.output
    first, second = sorted(stored.parent.iterdir())
    assert (first, second.name.endswith("-seed1")) == (stored, True)
    verdicts = [json.loads((run / "verdict.json").read_text()) for run in (first, second)]
    assert [v["outcome"] for v in verdicts[0]] == [v["outcome"] for v in verdicts[1]] == ["kept"]


def test_a_stored_run_is_run_again_with_the_server_that_it_had(stored: Path) -> None:
    """Where that is not here, nothing else is taken in its place."""
    changed(stored, server="no-such-server")
    result = invoke("replay", str(stored))
    one_line(result.stderr, r"no no-such-server server")
    assert result.exit_code == 2


def test_a_stored_run_is_run_again_with_the_image_that_its_workers_had(stored: Path) -> None:
    """Where that is not here, nothing else is taken in its place."""
    found = Containers.available("redis")
    if not found.ok:
        pytest.skip(f"{found.why}: {found.remedy}")
    changed(stored, stage="containers", images={"worker": "shop.example/no-such:1"})
    result = invoke("replay", str(stored))
    one_line(result.stderr, r"There is no image shop\.example/no-such:1 here")
    assert result.exit_code == 2


def changed(stored: Path, **header: object) -> None:
    """A stored run, with other values in its header."""
    path = stored / "history.jsonl"
    head, _, rest = path.read_text().partition("\n")
    path.write_text(f"{json.dumps({**json.loads(head), **header})}\n{rest}")


def test_celery_s_own_command_has_it_as_a_subcommand(workdir: Path, tmp_path: Path) -> None:
    """``celery -A APP harness``: the app is the one that Celery was given."""
    words = (
        "-A",
        "shop:app",
        "harness",
        "verify",
        "--only",
        "retry_cap",
        "--quiet",
        "--reports",
        str(tmp_path),
    )
    done = command(*words, cwd=workdir, program="celery.__main__")
    assert (done.status, done.out, done.err) == (0, "", "")
    assert list(tmp_path.glob("*/*/verdict.json"))


@pytest.mark.parametrize("no_color", ["", "1"])
def test_on_a_terminal_there_is_progress_and_colour_unless_it_is_not_wanted(
    no_color: str, stored: Path
) -> None:
    code = "from harness.view import Progress, wants_color; import sys\n"
    code += "print(wants_color(sys.stderr))\nwith Progress() as p: p.say('starting')"
    reader, writer = pty.openpty()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": no_color, "TERM": "xterm"}
    done = subprocess.run(
        [sys.executable, "-c", code], stderr=writer, stdout=subprocess.PIPE, env=environment,
        check=True, timeout=100,
    )  # fmt: skip
    os.close(writer)
    shown = os.read(reader, 65536)
    os.close(reader)
    assert done.stdout.strip() == (b"False" if no_color else b"True")
    assert (b"\x1b[32m" in shown) is not bool(no_color)


# The other commands.


def test_a_drafted_contract_can_be_read_and_fits_its_app(shop: Path) -> None:
    result = invoke("contract", "-A", "shop:app")
    assert result.exit_code == 0
    contract = loads(result.stdout, Path("draft"))
    assert contract.tier_of("shop.sell") is not None
    (shop / "contract.toml").write_text(result.stdout, encoding="utf-8")
    checked = invoke("contract", "-A", "shop:app", "--check")
    assert checked.exit_code == 0, checked.output
    assert "fits shop:app" in checked.stdout


def test_a_contract_that_no_longer_fits_is_1_and_says_why(shop: Path) -> None:
    (shop / "shop.py").write_text(SHOP.replace("shop.sell", "shop.vend"), encoding="utf-8")
    checked = invoke("contract", "-A", "shop:app", "--check")
    assert checked.exit_code == 1
    assert "shop.sell" in checked.stdout
    (shop / "contract.toml").unlink()
    nothing = invoke("contract", "-A", "shop:app", "--check")
    one_line(nothing.stderr, r"no contract\.toml to check.*celery-harness contract -A shop:app")
    assert nothing.exit_code == 2


def test_everything_is_listed_in_a_line_and_explained() -> None:
    everything = invoke("list").stdout
    for folder in ("faults", "checkers", "stages", "brokers"):
        lines = invoke("list", folder).stdout.splitlines()
        assert [line.split()[0] for line in lines] == list(discovery.names(folder))
        for name in discovery.names(folder):
            assert name in everything
            explained = invoke("explain", name)
            assert explained.exit_code == 0
            assert explained.stdout.startswith(f"{name} ({folder.removesuffix('s')})")
    unknown = invoke("explain", "worker_kil")
    one_line(unknown.stderr, r"Did you mean worker_kill\?")
    assert unknown.exit_code == 2
    assert invoke("list", "quarks").exit_code == 2


def test_the_doctor_says_what_there_is_and_what_gets_the_rest() -> None:
    result = invoke("doctor")
    rows = [line.split(maxsplit=1) for line in result.stdout.splitlines()]
    assert {word for word, _ in rows} <= {"ok", "missing"}
    assert any(text.startswith("stage processes") for _, text in rows)
    assert result.exit_code == (0 if Processes.available("redis").ok else 2)


def test_an_app_whose_task_reaches_out_ends_the_run_with_2(shop: Path) -> None:
    """The interlock's last word, through the command: address and line, and no verdict."""
    lines = "    import urllib.request\n    urllib.request.urlopen('http://127.0.0.1:9/')\n    return n\n"
    (shop / "shop.py").write_text(SHOP.replace("    return n\n", lines), encoding="utf-8")
    (shop / "contract.toml").write_text(CONTRACT + '\n[samples."shop.sell"]\nargs = [1]\nvary = 0\n')
    done = command("verify", "-A", "shop:app", "--only", "no_lost_task", cwd=shop)
    assert done.status == 2
    assert done.out == ""
    one_line(done.err, r"would reach 127\.0\.0\.1:9.*shop\.py:\d+ in sell")
    assert not (shop / "reports").exists()


def test_an_unforeseen_error_is_one_line_and_never_the_status_of_a_broken_guarantee(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def bug(*_: object) -> None:
        raise TypeError("one\ntwo")

    monkeypatch.setattr("harness.diagnosis.examine", bug)
    result = invoke("doctor")
    assert result.exit_code == 2
    assert re.fullmatch(
        r"celery-harness: internal error at test_cli\.py:\d+: TypeError: one\. \S+=1 shows the traceback\.\n",
        result.stderr,
    )
    monkeypatch.setenv("CELERY_HARNESS_TRACEBACK", "1")
    assert isinstance(CliRunner().invoke(harness, ["doctor"]).exception, TypeError)


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (OSError(28, "No space left on device", "/tmp/x"), 2, "does not let it go on: [Errno 28] No space"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_what_ends_a_command_from_outside_is_one_line_too(
    error: BaseException, status: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def raising(*_: object) -> None:
        raise error

    monkeypatch.setattr("harness.diagnosis.examine", raising)
    result = invoke("doctor")
    assert (result.exit_code, result.stderr.count("\n")) == (status, 1)
    assert said in result.stderr
