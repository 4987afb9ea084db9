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


def _tracebacks() -> None:
    """Each traceback looks whether its sources have changed on disk, and parses each line for its carets.

    Sources do not change while the simulation runs; the same line has the same carets (`traceback.py`).
    """
    module: Any = traceback
    name = "_extract_caret_anchors_from_line_segment"
    if hasattr(module, name):
        setattr(module, name, functools.lru_cache(maxsize=4096)(getattr(module, name)))
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
    """Each client of redis-py writes the names of all commands in capitals (`redis/client.py`)."""
    from redis import client

    kind: Any = getattr(client, "CaseInsensitiveDict", None)
    if kind is None:
        return
    known: dict[tuple[str, ...], tuple[str, ...]] = {}

    def capitals(data: Mapping[str, Any]) -> dict[str, Any]:
        names = tuple(data)
        if names not in known:
            known[names] = tuple(name.upper() for name in names)
        return dict(zip(known[names], data.values(), strict=True))

    kind.__init__ = lambda this, data: dict.update(this, capitals(data))
    kind.update = lambda this, data: dict.update(this, capitals(data))
