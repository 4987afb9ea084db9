"""Whether a function does something to the outside, and whether it does so only once."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from harness.configuration import Configuration
from harness.sources import Function, last_name, names_in

ACTIONS = frozenset({
    "create", "bulk_create", "save", "insert", "execute", "executemany", "send_mail", "mail_admins",
    "sendmail", "send_message", "delay", "apply_async", "send_task", "rpush", "lpush", "xadd", "publish",
    "write_text",
})  # fmt: skip
"""Calls that leave something behind."""

UNIQUE = frozenset({
    "get_or_create", "update_or_create", "ignore_conflicts", "update_conflicts", "IntegrityError", "exists",
    "select_for_update", "on_conflict_do_nothing", "on_conflict_do_update", "nx", "setnx", "sadd", "hsetnx",
    "add", "idempotency_key", "rowcount", "OR_IGNORE", "ON_CONFLICT", "DUPLICATE",
})  # fmt: skip
"""Signs that it does so only once; SQL as its words."""

_SQL = {"insert or ignore": "OR_IGNORE", "on conflict": "ON_CONFLICT", "on duplicate key": "DUPLICATE"}
_LIMIT = 50


def mentioned(app: Configuration, function: Function) -> set[str]:
    """What a function, and the project's functions that it calls by name, mention; SQL's words among it."""
    said: set[str] = set()
    seen: set[str] = {""}
    waiting = [function]
    while waiting and len(seen) < _LIMIT:
        each = waiting.pop(0)
        said |= names_in(each) | set(_keywords(each)) | set(_sql(each))
        called = {last_name(node.func) for node in ast.walk(each) if isinstance(node, ast.Call)}
        new = called - seen
        seen |= new
        waiting += [other for name in sorted(new) for _, other in app.sources.functions(name)]
    return said


def _keywords(function: Function) -> Iterator[str]:
    for node in ast.walk(function):
        if isinstance(node, ast.keyword) and node.arg:
            yield node.arg


def _sql(function: Function) -> Iterator[str]:
    for node in ast.walk(function):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = " ".join(node.value.lower().split())
            yield from (word for words, word in _SQL.items() if words in text)
