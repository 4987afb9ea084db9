"""Work that comes out the same each time is done once; nothing that Celery does is changed by it."""

from __future__ import annotations

import functools
import importlib.metadata
import linecache
import traceback
from collections.abc import Mapping
from typing import Any


def before_imports() -> None:
    """What is installed is read from disk again and again: entry points for each result backend
    (`celery/app/backends.py`), redis-py's own version for each connection (`redis/driver_info.py`).
    """
    module: Any = importlib.metadata
    module.entry_points = functools.cache(importlib.metadata.entry_points)
    module.version = functools.cache(importlib.metadata.version)


def look_up() -> None:
    """What Celery and redis-py would look up later, now."""
    importlib.metadata.entry_points(group="celery.result_backends")
    importlib.metadata.version("redis")


def after_imports() -> None:
    """What failures and connections compute anew each time."""
    _tracebacks()
    _bytecode_positions()
    _response_callbacks()
    _django_checks()


def _django_checks() -> None:
    """Each worker has Django check the project (`celery/fixups/django.py`, `validate_models`), which sets it
    up and looks through models, settings and URLs; what it finds is not looked at. Here they share it all.
    """
    from celery.fixups.django import DjangoWorkerFixup

    kind: Any = DjangoWorkerFixup
    original = kind.validate_models
    checked: list[Any] = []

    def validate_models(self: Any) -> None:
        if not checked:
            original(self)
            checked.append(self)

    kind.validate_models = validate_models


def _tracebacks() -> None:
    """Each traceback looks whether its sources have changed on disk, walks the positions of each frame's
    bytecode up to its own, and parses each line for its carets.

    Sources do not change while the simulation runs; the same line has the same carets (`traceback.py`).
    """
    module: Any = traceback
    name = "_extract_caret_anchors_from_line_segment"
    if hasattr(module, name):
        setattr(module, name, functools.lru_cache(maxsize=4096)(getattr(module, name)))
    original = getattr(module, "_get_code_position", None)
    if original is not None:
        found: dict[tuple[int, int], tuple[Any, Any]] = {}

        def position(code: Any, index: int) -> Any:
            key = (id(code), index)  # the code object is kept, so that its id stays
            if key not in found:
                found[key] = (original(code, index), code)
            return found[key][0]

        module._get_code_position = position
    lines: Any = linecache
    lines.checkcache = lambda filename=None: None


def _bytecode_positions() -> None:
    """For each failure billiard copies every position of the tracer's bytecode (`billiard/einfo.py`)."""
    from billiard import einfo

    kind: Any = getattr(einfo, "_Frame", None)
    original: Any = getattr(einfo, "_Code", None)
    if kind is None or original is None:
        return
    known: dict[int, tuple[Any, Any]] = {}

    def code(given: Any) -> Any:
        # By identity: hashing a code object hashes all of its bytecode. It is kept, so that its id stays.
        if id(given) not in known:
            known[id(given)] = (original(given), given)
        return known[id(given)][0]

    kind.Code = staticmethod(code)


def _response_callbacks() -> None:
    """Each client of redis-py merges the callbacks of all commands, and writes their names in capitals
    (`redis/client.py`); kombu's Redis transport makes a client for nearly every command.
    """
    from redis import client

    module: Any = client
    kind: Any = getattr(module, "CaseInsensitiveDict", None)
    if kind is None:
        return
    capitals: dict[tuple[str, ...], tuple[str, ...]] = {}
    merged: dict[tuple[Any, ...], tuple[dict[str, Any], dict[str, Any]]] = {}
    original: Any = getattr(module, "get_response_callbacks", None)

    def named(data: Mapping[str, Any]) -> dict[str, Any]:
        for given, ready in merged.values():
            if given is data:
                return ready
        names = tuple(data)
        if names not in capitals:
            capitals[names] = tuple(name.upper() for name in names)
        return dict(zip(capitals[names], data.values(), strict=True))

    def callbacks(*given: Any, **options: Any) -> dict[str, Any]:
        key = (*given, *options.items())
        if key not in merged:
            made = original(*given, **options)
            merged[key] = (made, named(made))
        return merged[key][0]

    if original is not None:
        module.get_response_callbacks = callbacks
    kind.__init__ = lambda this, data: dict.update(this, named(data))
    kind.update = lambda this, data: dict.update(this, named(data))
