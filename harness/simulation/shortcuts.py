"""Work that comes out the same each time is done once; nothing that Celery does is changed by it."""

from __future__ import annotations

import functools
import importlib.metadata
from typing import Any


def before_imports() -> None:
    """Entry points are read from disk whenever a result backend is made (`celery/app/backends.py`)."""
    module: Any = importlib.metadata
    module.entry_points = functools.cache(importlib.metadata.entry_points)


def after_imports() -> None:
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
