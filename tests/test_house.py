"""The house is in order: docs say what the code does, files are named after what they hold."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
import tomllib
import types
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import click
import pytest

from harness import cli, discovery, history
from harness.contract_file import loads

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "benchmarks").glob("*.md")])
MODULES = sorted((ROOT / "harness").rglob("*.py"))
UNITS = [(folder, name) for folder in sorted(discovery.FOLDERS) for name in discovery.names(folder)]
LONGEST_MODULE = 400

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE)
COMMAND = re.compile(r"celery-harness((?: +[^\s`;|&#)]+)+)")
PLUGIN_COMMAND = re.compile(r"celery -A \S+ harness ([a-z]+)")
LINK = re.compile(r"\]\(([^)#\s:]+)(#[^)]*)?\)")
KIND = re.compile(r"``([a-z]+(?:-[a-z]+)*)``")


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of a page in one language."""
    return [text for found, text in BLOCK.findall(page.read_text(encoding="utf-8")) if found == language]


def named(page: Path) -> str:
    """The id of a test of a page."""
    return str(page.relative_to(ROOT))


def words_of(command: click.Command) -> set[str]:
    """Every option that a command takes."""
    return {"-h", "--help"} | {word for each in command.params for word in (*each.opts, *each.secondary_opts)}


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_command_in_the_docs_exists(page: Path) -> None:
    """Each `celery-harness COMMAND --option` of a page is one that the command line takes."""
    commands = cli.commands()
    for found in COMMAND.findall(page.read_text(encoding="utf-8")):
        words = found.split()
        if not re.fullmatch(r"[a-z]+", words[0]) or words[0] not in commands:
            assert not words[0].startswith("-") or words[0] in words_of(cli.harness), found
            continue
        given = [word for word in words[1:] if re.match(r"-{1,2}[a-zA-Z]", word)]
        options = {word.partition("=")[0].rstrip(".,:") for word in given}
        assert options <= words_of(commands[words[0]]), found


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_console_line_names_a_command(page: Path) -> None:
    """In a console block, `celery-harness` and `celery -A APP harness` are followed by a command."""
    for block in blocks(page, "console"):
        for line in block.splitlines():
            found = re.match(r"\$ (?:\S*/)?celery-harness (\S+)", line) or PLUGIN_COMMAND.search(line)
            assert not found or found[1] in {*cli.commands(), "--version"}, line


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_contract_in_the_docs_can_be_read(page: Path) -> None:
    """TOML is TOML, and what has a schema is a contract without a mistake."""
    for block in blocks(page, "toml"):
        document = tomllib.loads(block)
        if "schema" in document:
            assert loads(block, page).tiers


def test_the_contract_in_the_docstring_can_be_read() -> None:
    """`harness/contract.py` shows every table once."""
    import harness.contract

    text = inspect.getdoc(harness.contract) or ""
    lines = [line for line in text.splitlines() if line.startswith("    ")]
    contract = loads("\n".join(line.removeprefix("    ") for line in lines))
    assert contract.tiers[0].loss is not None


def test_the_page_on_contracts_has_every_key() -> None:
    """Each field of a table is in `docs/contract.md`."""
    import harness.contract
    from harness.contract_schema import keys_of

    page = (ROOT / "docs" / "contract.md").read_text(encoding="utf-8")
    words = set(re.findall(r"\w+", page))
    tables = ["Tier", "Retry", "Delay", "DeadLetter", "Alert", "Deduplication", "Effect", "Result", "Limits"]
    for name in [*tables, "Loss", "WorkerLayout", "Sample"]:
        missing = set(keys_of(getattr(harness.contract, name))) - words
        assert not missing, f"{name}: {missing}"


def test_the_reference_is_current() -> None:
    """`reference.md` and `rules.md` are what the code says; `python docs/generate.py` writes them."""
    command = [sys.executable, str(ROOT / "docs" / "generate.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_link_leads_somewhere(page: Path) -> None:
    """Relative links of a page are files or folders."""
    for target, _ in LINK.findall(page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def test_the_table_of_chaos_names_scenarios_that_are_there() -> None:
    """Each ``FILE `test_...` `` of `docs/chaos.md` is in `scenarios/test_chaos_FILE.py`."""
    rows = [
        line
        for line in (ROOT / "docs" / "chaos.md").read_text(encoding="utf-8").splitlines()
        if "`test_" in line
    ]
    assert len(rows) > 20
    for cell in [cell for row in rows for cell in row.split("|")[3:5]]:
        file = ""
        for word, name in re.findall(r"(\w+)? ?`(test_\w+)`", cell):
            file = word or file
            text = (ROOT / "scenarios" / f"test_chaos_{file}.py").read_text(encoding="utf-8")
            assert f"def {name}(" in text, f"{file}: {name}"


def test_the_glossary_has_every_kind_of_event() -> None:
    """The table of `harness/history.py` and that of the glossary name the same kinds."""
    lines = (history.__doc__ or "").splitlines()
    rows = [re.split(r"\s{2,}", line)[0] for line in lines if line.startswith("``")]
    kinds = {kind for row in rows for kind in KIND.findall(row)}
    section = (ROOT / "GLOSSARY.md").read_text(encoding="utf-8").partition("## Kinds of event")[2]
    cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    listed = {kind for cell in cells for kind in re.findall(r"`([a-z-]+)`", cell)}
    assert len(kinds) > 30
    assert kinds <= listed
    assert {kind for kind in listed - kinds if not kind.startswith("interlock-")} == set()


def test_architecture_and_import_linter_have_the_same_layers() -> None:
    """The numbered list of `ARCHITECTURE.md` is the contract in `pyproject.toml`, line by line."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    layers = project["tool"]["importlinter"]["contracts"][0]["layers"]
    enforced = [{part for part in layer.split(" | ") if not part.startswith("(")} for layer in layers]
    page = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    section = page.partition("## Layers")[2].partition("\n## ")[0]
    items = re.split(r"^\d+\. ", section, flags=re.MULTILINE)[1:]
    told = [set(re.findall(r"`(\w+)`", item.partition("\n\n")[0])) for item in items]
    assert told == enforced


@pytest.mark.parametrize(("folder", "name"), UNITS)
def test_a_unit_has_a_test_of_its_name(folder: str, name: str) -> None:
    """`harness/faults/worker_kill.py` is tested by `tests/faults/test_worker_kill.py`."""
    assert (ROOT / "tests" / folder / f"test_{name}.py").exists()


@pytest.mark.parametrize(("folder", "name"), UNITS)
def test_a_file_is_named_after_what_it_defines(folder: str, name: str) -> None:
    """`worker_kill.py` defines `WorkerKill`; a broker, stage or reporter may add what it is."""
    found = discovery.find(folder, name).__name__.lower()
    assert found.startswith(name.replace("_", ""))


@pytest.mark.parametrize(("folder", "name"), UNITS)
def test_a_unit_says_what_it_is(folder: str, name: str) -> None:
    """The first sentence of its docstring is what `list` prints."""
    summary = discovery.summary(folder, name)
    assert summary.endswith("."), summary
    assert len(summary) <= 110, summary


@pytest.mark.parametrize("module", MODULES, ids=named)
def test_a_module_is_short(module: Path) -> None:
    """Whoever needs more has two modules."""
    assert len(module.read_text(encoding="utf-8").splitlines()) <= LONGEST_MODULE


@pytest.mark.parametrize("module", MODULES, ids=named)
def test_docstrings_begin_with_a_sentence(module: Path) -> None:
    """The first paragraph of every docstring ends as a sentence does."""
    tree = ast.parse(module.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = (ast.get_docstring(node) or ".").split("\n\n")[0].rstrip()
            assert first.endswith((".", ":", "?", "``")), first


def examples() -> Iterator[tuple[str, str]]:
    """Name and source of each file in CONTRIBUTING.md, in order."""
    for block in blocks(ROOT / "CONTRIBUTING.md", "python"):
        first, _, rest = block.partition("\n")
        yield first.removeprefix("# ").removesuffix(".py"), rest


def test_the_files_that_contributing_begins_with_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each unit is found complete, and its test passes (or, where it needs a stage, can at least be read)."""
    tested = 0
    for path, source in examples():
        name = path.replace("/", ".")
        module = types.ModuleType(name)
        monkeypatch.setitem(sys.modules, name, module)
        exec(compile(source, path, "exec"), vars(module))  # noqa: S102 - our own page
        if path.startswith("harness/"):
            classes = [each for each in vars(module).values() if inspect.isclass(each)]
            assert [inspect.isabstract(each) for each in classes if each.__module__ == name] == [False]
            continue
        assert Path(path).name.startswith("test_")
        for test in [each for key, each in vars(module).items() if key.startswith("test_")]:
            if not inspect.signature(test).parameters:
                test()
                tested += 1
    assert tested >= 4


def test_requirements_are_locked_without_an_index() -> None:
    """`requirements.lock` has exact versions, nobody's address, and all that `pyproject.toml` asks for."""
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert all(re.match(r"[a-z0-9._-]+==\S+( ; .+)?$", line) for line in pins)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = [*project["dependencies"], *chain(*project["optional-dependencies"].values())]
    names = {re.split(r"[\[<>=]", each)[0] for each in asked}
    assert names <= {line.partition("==")[0] for line in pins}
