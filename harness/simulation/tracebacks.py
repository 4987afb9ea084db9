"""Tracebacks of what fails again at the same lines: what each frame looks like is found out once.

Celery and billiard write the traceback of each failure and of each retry. Python looks then whether its
sources have changed on disk, walks the positions of each frame's bytecode up to its own, reads and parses
each line for its carets, and indents all of it by nothing (`traceback.py`). Sources do not change while the
simulation runs: the same instruction of the same code has the same lines.
"""

from __future__ import annotations

import functools
import linecache
import sys
import traceback
from collections.abc import Iterator
from typing import Any

identity = object.__hash__
"""Tells living objects apart as `id` does, and is no audit event; code's own hash reads its bytecode."""


class Frames:
    """What `traceback._walk_tb_with_full_positions` yields, and the traceback from which it does."""

    def __init__(self, tb: Any, walk: Any) -> None:
        self.tb = tb
        self._walk = walk

    def __iter__(self) -> Iterator[Any]:
        return iter(self._walk(self.tb))


def install() -> None:
    """From now on, in this process and its copies."""
    module: Any = traceback
    name = "_extract_caret_anchors_from_line_segment"
    if hasattr(module, name):
        setattr(module, name, functools.lru_cache(maxsize=4096)(getattr(module, name)))
    lines: Any = linecache
    lines.checkcache = lambda filename=None: None
    walk = getattr(module, "_walk_tb_with_full_positions", None)
    if walk is not None and hasattr(traceback.StackSummary, "_extract_from_extended_frame_gen"):
        module._walk_tb_with_full_positions = lambda tb: Frames(tb, walk)
        _summaries()
    _texts()
    _indents()


def _summaries() -> None:
    """A frame's summary by its code and the instruction at which it is."""
    kind: Any = traceback.StackSummary
    original = kind._extract_from_extended_frame_gen.__func__
    known: dict[tuple[int, int], tuple[Any, Any]] = {}

    def extract(
        cls: Any, frames: Any, *, limit: Any = None, lookup_lines: bool = True, capture_locals: bool = False
    ) -> Any:
        plain = type(frames) is Frames and lookup_lines and limit is None and not capture_locals
        if not plain or hasattr(sys, "tracebacklimit"):
            return original(
                cls, iter(frames), limit=limit, lookup_lines=lookup_lines, capture_locals=capture_locals
            )
        result, tb = cls(), frames.tb
        while tb is not None:
            frame = tb.tb_frame
            code = frame.f_code
            key = (identity(code), tb.tb_lasti)
            found = known.get(key)
            if found is None:
                found = (
                    _summary(original, cls, frame, code, tb),
                    code,
                )  # code is kept, so that it stays the only one
                if found[0].colno is not None:
                    known[key] = found
            result.append(found[0])
            tb = tb.tb_next
        return result

    kind._extract_from_extended_frame_gen = classmethod(extract)


def _summary(original: Any, cls: Any, frame: Any, code: Any, tb: Any) -> Any:
    module: Any = traceback
    positions = module._get_code_position(code, tb.tb_lasti)
    if positions[0] is None:
        positions = (tb.tb_lineno, *positions[1:])
    return original(cls, iter([(frame, positions)]))[0]


def _texts() -> None:
    """The lines of a frame by its summary."""
    kind: Any = traceback.StackSummary
    original = kind.format_frame_summary
    known: dict[tuple[Any, ...], Any] = {}

    def format_frame_summary(this: Any, frame: Any, **options: Any) -> Any:
        if frame.locals:
            return original(this, frame, **options)
        key = (
            frame.filename, frame.lineno, frame.end_lineno, frame.colno, frame.end_colno, frame.name,
            frame.line, *options.items(),
        )  # fmt: skip
        if key not in known:
            known[key] = original(this, frame, **options)
        return known[key]

    kind.format_frame_summary = format_frame_summary


def _indents() -> None:
    """Only what is in an exception group is indented."""
    module: Any = traceback
    kind: Any = getattr(module, "_ExceptionPrintContext", None)
    if kind is None:
        return
    original = kind.emit

    def emit(this: Any, given: Any, margin_char: str | None = None) -> Any:
        if this.exception_group_depth:
            return original(this, given, margin_char)
        return (given,) if isinstance(given, str) else given

    kind.emit = emit
