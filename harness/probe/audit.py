"""One audit hook of the interpreter (PEP 578) for all that listen: what nobody listens to costs one look-up.

Python calls each hook for each event, and there are thousands of them in a task's life (``builtins.id``,
``sys._getframe``, ...). A hook cannot be removed, and forked children inherit it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import Any

Listener = Callable[[str, tuple[Any, ...]], None]
"""Called with the event and its arguments (https://docs.python.org/3/library/audit_events.html)."""

_listeners: dict[str, tuple[Listener, ...]] = {}


def listen(events: Iterable[str], listener: Listener) -> None:
    """From now on, for the life of the process; what a listener raises is raised where the event is."""
    if not _listeners:
        sys.addaudithook(_hear)
    for event in events:
        _listeners[event] = (*_listeners.get(event, ()), listener)


def _hear(event: str, args: tuple[Any, ...]) -> None:
    for listener in _listeners.get(event, ()):
        listener(event, args)
