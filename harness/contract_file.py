"""Reads and writes the contract file (TOML); the format is in the docstring of `harness.contract`."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, Field, is_dataclass, replace
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.items import Array, InlineTable, Table

from harness import discovery
from harness.checker import WHOLE_APP
from harness.contract import SCHEMA, Contract, Delay, Sample, Tier, WorkerLayout
from harness.contract_lines import Path as KeyPath
from harness.contract_lines import lines
from harness.contract_schema import Problem, check_keys, dotted, keys_of, shown, table
from harness.errors import ContractError
from harness.images import ROLES

_TOP = ("schema", "app", "tiers", "workers", "samples")
_NAME = re.compile(r"[A-Za-z0-9_-]+")
_SETUP = re.compile(r"\w+(\.\w+)*:\w+(\.\w+)*")
_SERVER_SETTING = re.compile(r"[A-Za-z0-9_.-]+")
_NAMES_SHOWN = 6


def load(path: Path) -> Contract:
    """The contract in a file; `ContractError` in one line where it cannot be read or kept."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise ContractError(
            f"There is no contract file {path}.",
            remedy="Draft one: celery-harness contract -A APP > contract.toml",
        ) from None
    except UnicodeDecodeError as error:
        raise ContractError(
            f"{path}: not UTF-8 at byte {error.start}.", remedy="Save the file as UTF-8, as TOML wants it."
        ) from None
    except OSError as error:
        raise ContractError(f"{path}: cannot be read: {error.strerror}.") from None
    return loads(text, path)


def loads(text: str, path: Path | str = "contract.toml") -> Contract:
    """The contract in a text; `path` is only for messages and origins."""
    try:
        data = tomllib.loads(text)
        found = lines(text)
    except RecursionError:
        raise ContractError(f"{path}: nested too deeply.") from None
    except ValueError as error:  # besides TOMLDecodeError: a number of more than 4300 digits
        raise _broken(str(error), text, path) from None
    if not data:
        raise ContractError(
            f"{path}: the contract is empty.",
            remedy="Draft one: celery-harness contract -A APP > contract.toml",
        )
    try:
        contract = _contract(data)
    except Problem as problem:
        raise _located(problem, found, path) from None
    origins = {
        dotted(keys): f"{path}:{line}"
        for keys, line in found.items()
        if not any(type(key) is int for key in keys)
    }
    return replace(contract, path=str(path), origins=origins)


def resolve(contract: Contract, task_names: Iterable[str]) -> Contract:
    """The contract with each tier's `members`; the first tier that matches a task has it.

    Celery's own tasks (``celery.*``) belong to no tier. Raises `ContractError` where there is no tier,
    where a tier gets no task, and where a sample is of no task.
    """
    if not contract.tiers:
        raise ContractError(f"{contract.path}: the contract has no tier.", remedy=_NO_TIER)
    names = sorted(name for name in set(task_names) if not name.startswith("celery."))
    members: dict[str, list[str]] = {tier.name: [] for tier in contract.tiers}
    for name in names:
        owner = contract.tier_of(name)
        if owner is not None:
            members[owner.name].append(name)
    for tier in contract.tiers:
        if not members[tier.name]:
            raise _no_members(contract, tier, names)
    for sample in contract.samples:
        if sample not in names:
            where = contract.origin(f"samples.{sample}")
            fact = f"{where}: samples.{sample}: the app has no task {shown(sample)}."
            raise ContractError(fact, remedy=_nearest(sample, names))
    return replace(
        contract, tiers=tuple(replace(tier, members=tuple(members[tier.name])) for tier in contract.tiers)
    )


def dumps(contract: Contract) -> str:
    """The contract as TOML, in a stable order, without what equals the defaults."""
    document = tomlkit.document()
    document["schema"] = SCHEMA
    if contract.setup is not None or contract.environment or contract.servers or contract.images:
        app = tomlkit.table()
        if contract.setup is not None:
            app["setup"] = contract.setup
        if contract.environment:
            app["environment"] = _inline(dict(contract.environment))
        if contract.servers:
            app["servers"] = _inline(dict(contract.servers))
        if contract.images:
            app["images"] = _inline(dict(contract.images))
        document["app"] = app
    groups: tuple[tuple[str, Mapping[str, object]], ...] = (
        ("tiers", {tier.name: tier for tier in contract.tiers}),
        ("workers", {worker.name: worker for worker in contract.workers}),
        ("samples", contract.samples),
    )
    for group, items in groups:
        if items:
            outer = tomlkit.table(is_super_table=True)
            for name, item in items.items():
                outer[name] = _written(item)
            document[group] = outer
    return tomlkit.dumps(document)


_NO_TIER = 'Add one: [tiers.NAME] with tasks = ["app.tasks.*"].'


def _contract(data: Mapping[str, Any]) -> Contract:
    check_keys(data, _TOP, ())
    schema = data.get("schema", SCHEMA)
    if type(schema) is not int or schema != SCHEMA:
        raise Problem(
            ("schema",), f"expected {SCHEMA}, got {shown(schema)}.", "This version reads no other schema."
        )
    app = _group(data, "app")
    check_keys(app, ("setup", "environment", "servers", "images"), ("app",))
    setup = app.get("setup")
    if setup is not None and not (isinstance(setup, str) and _SETUP.fullmatch(setup)):
        raise Problem(("app", "setup"), f"expected 'module:function', got {shown(setup)}.")
    environment = _texts(app, "environment", "variables")
    images = _texts(app, "images", "references")
    check_keys(images, ROLES, ("app", "images"))
    servers = app.get("servers", {})
    _check_servers(servers)
    tiers = [table(Tier, item, ("tiers", name), name=name) for name, item in _group(data, "tiers").items()]
    if not tiers:
        raise Problem((), "the contract has no tier.", _NO_TIER)
    workers = _group(data, "workers").items()
    samples = _group(data, "samples").items()
    return Contract(
        tiers=tuple(tiers),
        workers=tuple(table(WorkerLayout, item, ("workers", name), name=name) for name, item in workers),
        samples={name: table(Sample, item, ("samples", name)) for name, item in samples},
        setup=setup,
        environment=environment,
        servers=servers,
        images=images,
    )


def _texts(app: Mapping[str, Any], name: str, what: str) -> Mapping[str, str]:
    """A table of strings."""
    found = app.get(name, {})
    if not isinstance(found, dict):
        raise Problem(("app", name), f"expected a table of {what}, got {shown(found)}.")
    for key, value in found.items():
        if not isinstance(value, str):
            raise Problem(("app", name, key), f"expected a string, got {shown(value)}.")
    return found


def _check_servers(servers: object) -> None:
    """Tables of plain values, one for each broker that there is; the stage judges the settings' names."""
    if not isinstance(servers, dict):
        raise Problem(("app", "servers"), f"expected a table for each broker, got {shown(servers)}.")
    check_keys(servers, discovery.names("brokers"), ("app", "servers"))
    for broker, settings in servers.items():
        if not isinstance(settings, dict):
            raise Problem(("app", "servers", broker), f"expected a table of settings, got {shown(settings)}.")
        for name, value in settings.items():
            place = ("app", "servers", broker, name)
            if not _SERVER_SETTING.fullmatch(name):
                raise Problem(place, "is no name of a setting.", "Write it as the server's own file has it.")
            if not isinstance(value, str | int | float) or "\n" in str(value):
                raise Problem(place, f"expected a text, a number, true or false, got {shown(value)}.")


def _group(data: Mapping[str, Any], name: str) -> dict[str, Any]:
    group = data.get(name, {})
    if not isinstance(group, dict):
        raise Problem((name,), f"expected a table, got {shown(group)}.")
    for key in group if name in ("tiers", "workers") else ():
        if not _NAME.fullmatch(key):
            raise Problem((name, key), "a name has letters, digits, '-' and '_' only.")
        if (name, key) == ("tiers", WHOLE_APP.name):
            raise Problem((name, key), "stands for the app as a whole, not for a tier.", "Take another.")
    return group


def _broken(message: str, text: str, path: Path | str) -> ContractError:
    """`tomllib` says ``... (at line 3, column 7)`` or ``(at end of document)``; the line goes in front."""
    if message.endswith(" (at end of document)"):
        last = max(1, len(text.rstrip().splitlines()))
        what = message.removesuffix(" (at end of document)")
        return ContractError(f"{path}:{last}: not TOML: {what}; the file ends there.")
    match = re.fullmatch(r"(.*) \(at line (\d+), column (\d+)\)", message, re.DOTALL)
    if match:
        what, line, column = match.groups()
        return ContractError(f"{path}:{line}: not TOML: {what} (column {column}).")
    return ContractError(f"{path}: not TOML: {message.splitlines()[0]}.")


def _located(problem: Problem, found: Mapping[KeyPath, int], path: Path | str) -> ContractError:
    known = problem.path
    while known and known not in found:
        known = known[:-1]
    place = f"{path}:{found[known]}" if known else str(path)
    about = problem.path[:-1] if problem.fact.startswith("unknown key") else problem.path
    named = f"{dotted(about)}: " if about else ""
    return ContractError(f"{place}: {named}{problem.fact}".replace("\n", " "), remedy=problem.remedy)


def _no_members(contract: Contract, tier: Tier, names: list[str]) -> ContractError:
    where = f"{contract.origin(f'tiers.{tier.name}.tasks')}: tiers.{tier.name}"
    for name in names:
        if any(fnmatchcase(name, glob) for glob in tier.tasks):
            owner = contract.tier_of(name)
            earlier = owner.name if owner else "?"
            fact = f"{where}: every task that it selects belongs to an earlier tier ({name} to {earlier!r})."
            return ContractError(fact, remedy="Move the narrower tier up, or narrow the earlier one.")
    globs = ", ".join(shown(glob) for glob in tier.tasks)
    return ContractError(
        f"{where}: no task of the app matches {globs}.", remedy=_nearest(tier.tasks[0], names)
    )


def _nearest(name: str, names: list[str]) -> str:
    near = get_close_matches(name, names, n=1)
    if near:
        return f"Did you mean {near[0]!r}?"
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    return f"It has: {', '.join(names[:_NAMES_SHOWN])}{more}." if names else "It has no task at all."


def _written(item: object) -> Table:
    """A dataclass as a table: plain values first, inner tables after them."""
    plain = tomlkit.table()
    inner = {}
    for key, field in keys_of(type(item)).items():
        value = getattr(item, key)
        if value == _default(field):
            continue
        if is_dataclass(value) and not isinstance(value, Delay):
            inner[key] = _written(value)
        else:
            plain[key] = _inline(value)
    for key, value in inner.items():
        plain[key] = value
    return plain


def _default(field: Field[Any]) -> object:
    return field.default_factory() if field.default_factory is not MISSING else field.default


def _inline(value: Any) -> Any:
    """A value on one line; whole floats lose their point, as people write them."""
    if isinstance(value, Delay):
        stated = {key: (getattr(value, key), _default(field)) for key, field in keys_of(Delay).items()}
        value = {key: it for key, (it, usual) in stated.items() if it != usual or key in ("shape", "base_s")}
    if isinstance(value, Mapping):
        pairs: InlineTable = tomlkit.inline_table()
        for key, item in value.items():
            pairs[key] = _inline(item)
        return pairs
    if isinstance(value, list | tuple):
        items: Array = tomlkit.array()
        for item in value:
            items.append(_inline(item))
        return items
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 else value
