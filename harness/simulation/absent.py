"""Optional packages that libraries import where they find them, and a simulating process has no use for.

time-machine brings a plugin of pytest, fakeredis a second client for valkey: together a third of the time in
which a simulating process starts, and pages that each of its copies shares. The app can import both.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def absent(*names: str) -> Iterator[None]:
    """Inside, packages that were not imported before cannot be imported (`ImportError`)."""
    modules: dict[str, Any] = sys.modules
    hidden = [name for name in names if name not in modules]
    modules.update(dict.fromkeys(hidden))
    try:
        yield
    finally:
        for name in hidden:
            del modules[name]
