"""What a dead letter says: the fields that a replay needs, under the names that people give them."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from typing import Any

from harness.history import Event, History
from harness.lives import Life

ALIASES: Mapping[str, tuple[str, ...]] = {
    "name": ("name", "task", "task_name", "taskname"),
    "args": ("args", "task_args", "arguments", "argsrepr", "positional"),
    "kwargs": ("kwargs", "task_kwargs", "keywords", "kwargsrepr"),
    "error": ("error", "exception", "exc", "error_message", "exc_message", "message", "reason", "einfo"),
    "traceback": ("traceback", "tb", "stacktrace", "stack_trace", "traceback_info", "einfo", "exc_info"),
    "attempts": ("attempts", "retries", "tries", "runs", "retry_count", "attempt"),
    "queue": ("queue", "routing_key", "source_queue", "original_queue"),
}
"""For each of `contract.CARRIES`, the names under which a record may hold it."""

ID_ALIASES = ("task_id", "original_task_id", "taskid", "uuid", "id", "correlation_id")

_ABSENT = object()


def _ids(letter: Event) -> set[str]:
    """The tasks that a letter is about: by the fields that hold an id, else by what the reader found."""
    fields = flat(letter.get("record") or {})
    found = {str(fields[name]) for name in ID_ALIASES if name in fields}
    if letter.task_id is not None and not any(fields.get(name) for name in ID_ALIASES[:3]):
        found.add(letter.task_id)
    return found


def letters_of(history: History, task_id: str) -> list[Event]:
    """The dead letters of one task; a row that was read twice is one letter."""
    by_task: dict[str, list[Event]] | None = history.memo.get(letters_of)
    if by_task is None:
        by_task = history.memo[letters_of] = {}
        for event in history.of("dead-lettered"):
            for each in _ids(event):
                by_task.setdefault(each, []).append(event)
    found: list[Event] = []
    for event in by_task.get(task_id, ()):
        record = event.get("record") or {}
        key = record.get("pk", record.get("id"))
        again = key is not None and str(key) != task_id
        if not (again and any(other.data.get("record") == record for other in found)):
            found.append(event)
    return found


def lacking(record: Mapping[str, Any], carries: tuple[str, ...], life: Life) -> list[str]:
    """What the promise names and the record does not hold, or holds wrongly."""
    fields = flat(record)
    return [what for what in carries if not _holds(fields, what, life)]


def flat(record: Mapping[str, Any]) -> dict[str, Any]:
    """The fields by lower-case name; those of a nested mapping (headers, payload) where not hidden."""
    fields: dict[str, Any] = {}
    for name, value in record.items():
        if isinstance(value, Mapping) and str(name).lower() not in ALIASES["kwargs"]:
            fields = {str(inner).lower(): item for inner, item in value.items()} | fields
    return fields | {str(name).lower(): value for name, value in record.items()}


def _holds(fields: Mapping[str, Any], what: str, life: Life) -> bool:
    values = [fields[name] for name in ALIASES.get(what, (what,)) if name in fields]
    if what == "name":
        return life.task in values
    if what in ("args", "kwargs"):
        published = life.sent.get(what) if life.sent is not None else None
        return any(_equal(value, published) for value in values)
    return any(value not in (None, "") for value in values)


def _equal(value: Any, published: Any) -> bool:
    """Whether a field, as data, JSON text or repr, says what was published."""
    if published is None or isinstance(published, str):  # the record cut it short: being there must do
        return value is not None or published is None
    if value in (None, ""):
        return not published
    for parsed in (value, _json(value), _literal(value)):
        if isinstance(parsed, tuple | list) and list(parsed) == list(published):
            return True
        if isinstance(parsed, Mapping) and isinstance(published, Mapping) and dict(parsed) == dict(published):
            return True
    return False


def _json(value: Any) -> Any:
    try:
        return json.loads(value)
    except (TypeError, ValueError):
        return _ABSENT


def _literal(value: Any) -> Any:
    try:
        return ast.literal_eval(value)
    except (TypeError, ValueError, SyntaxError):
        return _ABSENT
