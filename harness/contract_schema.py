"""Turns the tables of a contract file into the dataclasses of `harness.contract`, by their annotations."""

from __future__ import annotations

import math
import types
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from difflib import get_close_matches
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from harness.contract import Tier, WorkerLayout
from harness.contract_lines import Path
from harness.contract_rules import HIGHEST_COUNT, LONGEST_S, RULES, WORDS

NOT_WRITTEN: dict[type, frozenset[str]] = {
    Tier: frozenset({"name", "members"}),
    WorkerLayout: frozenset({"name"}),
}
"""Fields that are no keys of the table: the name is the table's own, members come from the app."""

_SHOWN_LIMIT = 60


class Problem(Exception):
    """One thing wrong with a contract: where, what, and what to do about it."""

    def __init__(self, path: Path, fact: str, remedy: str = "") -> None:
        super().__init__(fact)
        self.path = path
        self.fact = fact
        self.remedy = remedy


def dotted(path: Path) -> str:
    """``tiers.critical.retry.on[0]``."""
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path).removeprefix(".")


def keys_of(kind: type) -> dict[str, Field[Any]]:
    """The keys that a table of this kind may have, in the order of the dataclass."""
    hidden = NOT_WRITTEN.get(kind, frozenset())
    return {field.name: field for field in fields(kind) if field.name not in hidden}


@cache
def hints_of(kind: type) -> dict[str, Any]:
    """The resolved annotations of a dataclass."""
    return get_type_hints(kind)


def table(kind: type, value: object, path: Path, **given: object) -> Any:
    """An instance of the dataclass `kind` from the table at `path`; `given` fills what is not there."""
    if not isinstance(value, dict):
        raise Problem(path, f"expected a table, got {shown(value)}.")
    keys = keys_of(kind)
    check_keys(value, tuple(keys), path, kind)
    hints = hints_of(kind)
    read = {key: _value(hints[key], item, (*path, key)) for key, item in value.items()}
    for key, field in keys.items():
        if key not in read and field.default is MISSING and field.default_factory is MISSING:
            raise Problem(path, f"the key {key!r} is missing.")
    for key, item in read.items():
        _check_words(WORDS.get((kind, key)), item, (*path, key))
        _check_range(key, item, (*path, key))
    built = kind(**read, **given)
    for rule in RULES.get(kind, ()):
        if not rule.holds(built):
            said = shown(getattr(built, rule.key)) if rule.key else ""
            raise Problem(
                (*path, rule.key) if rule.key else path, rule.fact.replace("{value}", said), rule.remedy
            )
    return built


def check_keys(
    value: Mapping[str, object], known: tuple[str, ...], path: Path, kind: type | None = None
) -> None:
    """Every key of a table is known; a `Problem` with a suggestion for the first that is not."""
    for key in value:
        if key not in known:
            raise Problem((*path, key), f"unknown key {_quoted(key)}.", _suggestion(key, known, path, kind))


def shown(value: object) -> str:
    """A value as the user may have written it, cut where it is long."""
    if isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        text = str(int(value))
    elif isinstance(value, dict):
        text = "a table"
    elif isinstance(value, list | tuple):
        text = "an array"
    elif isinstance(value, int) and abs(value) > 10**30:
        text = "an endless number"
    else:
        text = repr(value) if isinstance(value, str | float | int) else str(value)
    return text if len(text) <= _SHOWN_LIMIT else f"{text[:_SHOWN_LIMIT]}..."


def _suggestion(key: str, known: tuple[str, ...], path: Path, kind: type | None) -> str:
    near = get_close_matches(key, known, n=1)
    if near:
        return f"Did you mean {near[0]!r}?"
    for name, inner in _inner_tables(kind).items():
        if key in keys_of(inner):
            return f"It belongs into [{dotted((*path, name))}]."
    return f"Valid keys: {', '.join(known)}."


def _inner_tables(kind: type | None) -> dict[str, type]:
    """The dataclasses among the fields of a dataclass."""
    hints = hints_of(kind) if kind else {}
    return {name: part for name, hint in hints.items() for part in get_args(hint) if is_dataclass(part)}  # type: ignore[misc]


def _check_words(words: tuple[str, ...] | None, items: tuple[str, ...], path: Path) -> None:
    for place, item in enumerate(items if words else ()):
        if item not in (words or ()):
            raise _choice((*path, place), item, words or ())


def _check_range(key: str, value: object, path: Path) -> None:
    """What holds of every number: seconds by their suffix, counts by their type."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return
    if math.isnan(value):
        raise Problem(path, "must be a number, got nan.")
    if value < 0:
        raise Problem(path, f"must not be negative, got {shown(value)}.")
    if key.endswith("_s") and value > LONGEST_S and not (key == "cap_s" and math.isinf(value)):
        raise Problem(path, f"must be at most {LONGEST_S:.0f} (ten years), got {shown(value)}.")
    if isinstance(value, int) and value > HIGHEST_COUNT:
        raise Problem(path, f"must be at most {HIGHEST_COUNT}, got {shown(value)}.")


def _value(hint: Any, value: object, path: Path) -> Any:
    """One value as its annotation wants it; a `Problem` where the type or the choice is wrong."""
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        return _union([part for part in get_args(hint) if part is not type(None)], value, path)
    if origin is Literal:
        if value not in get_args(hint):
            raise _choice(path, value, get_args(hint))
        return value
    if origin is tuple:
        if not isinstance(value, list):
            raise Problem(path, f"expected an array, got {shown(value)}.", _as_array(value))
        inner = get_args(hint)[0]
        return tuple(_value(inner, item, (*path, place)) for place, item in enumerate(value))
    if origin is not None:  # Mapping
        if not isinstance(value, dict):
            raise Problem(path, f"expected a table, got {shown(value)}.")
        return value
    if is_dataclass(hint):
        return table(hint, value, path)  # type: ignore[arg-type]
    return value if hint is Any else _plain(hint, value, path)


def _union(hints: list[Any], value: object, path: Path) -> Any:
    if len(hints) == 1:
        return _value(hints[0], value, path)
    for hint in hints:
        if isinstance(value, hint) and not isinstance(value, bool):
            return value
    raise Problem(path, f"expected {' or '.join(_NAMES[hint] for hint in hints)}, got {shown(value)}.")


_NAMES: dict[type, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text in quotes",
}


def _plain(hint: type, value: object, path: Path) -> Any:
    accepted = (int, float) if hint is float else (hint,)
    if not isinstance(value, accepted) or (isinstance(value, bool) and hint is not bool):
        raise Problem(path, f"expected {_NAMES[hint]}, got {shown(value)}.")
    if hint is not float:
        return value
    try:
        return float(value)  # type: ignore[arg-type]
    except OverflowError:
        raise Problem(path, f"must be at most {LONGEST_S:.0f} (ten years), got an endless number.") from None


def _choice(path: Path, value: object, choices: tuple[str, ...]) -> Problem:
    near = get_close_matches(value, choices, n=1) if isinstance(value, str) else []
    valid = f"Valid: {', '.join(choices)}."
    return Problem(
        path, f"unknown choice {shown(value)}.", f"Did you mean {near[0]!r}? {valid}" if near else valid
    )


def _as_array(value: object) -> str:
    return f"Write [{shown(value)}]." if isinstance(value, str) and "'" not in value else ""


def _quoted(key: str) -> str:
    return shown(key)
