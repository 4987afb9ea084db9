"""Makes any value of an app plain: JSON types only, bounded, and without its credentials."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from harness.masking import MASK, is_secret, masked

SHOWN_LIMIT = 200
ITEM_LIMIT = 100
DEPTH_LIMIT = 6


def plain(value: object, name: str = "", depth: int = 0) -> Any:
    """JSON types: durations in seconds, classes and functions by name, the rest by bounded `repr`."""
    if value is None or isinstance(value, bool):
        return value
    if name and value and is_secret(name):
        return MASK
    if isinstance(value, int) and type(value) is int:
        return value if abs(value) < 2**63 else shown(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else repr(value)
    if isinstance(value, str):
        return masked(str.__str__(value))[:SHOWN_LIMIT]
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, type):
        return qualified(value)
    try:
        return _collected(value, depth)
    except Exception:
        return shown(value)


def _collected(value: object, depth: int) -> Any:
    if depth < DEPTH_LIMIT and isinstance(value, Mapping):
        pairs = [(shown_key(key), item) for key, item in list(value.items())[:ITEM_LIMIT]]
        return {key: plain(item, key, depth + 1) for key, item in pairs}
    if depth < DEPTH_LIMIT and isinstance(value, list | tuple | set | frozenset):
        items = sorted(value, key=shown) if isinstance(value, set | frozenset) else list(value)
        return [plain(item, "", depth + 1) for item in items[:ITEM_LIMIT]]
    if callable(value) and hasattr(value, "__qualname__"):
        return qualified(value)
    return shown(value)


def qualified(value: Any) -> str:
    """``smtplib.SMTPException``; without the module for built-in names."""
    name = str(getattr(value, "__qualname__", "?"))
    module = getattr(value, "__module__", "")
    return name if module in ("builtins", "", None) else f"{module}.{name}"


def shown(value: object) -> str:
    """A bounded `repr` without credentials, also of values whose `repr` raises."""
    try:
        text = repr(value)
    except Exception:
        text = f"<{type(value).__name__}>"
    return re.sub(r" at 0x[0-9a-f]+", "", masked(text))[:SHOWN_LIMIT]


def shown_key(key: object) -> str:
    """The key of a mapping as text."""
    return key[:SHOWN_LIMIT] if isinstance(key, str) else shown(getattr(key, "pattern", key))
