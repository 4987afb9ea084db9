"""Takes out of what is shown: passwords in URLs, values whose names tell a secret, control characters."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

MASK = "********"

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_SECRET = re.compile(r"passw|secret|token|credential|api_?key|access_?key|private_?key|dsn", re.IGNORECASE)
_URL_PASSWORD = re.compile(r"(\b[\w+.-]+://[^:/@\s'\"]*):[^@/\s'\"]+@")


def is_secret(name: str) -> bool:
    """Whether a name says that its value is a credential (``EMAIL_HOST_PASSWORD``)."""
    return _SECRET.search(name) is not None


def masked(text: str) -> str:
    """Without the passwords of URLs: ``redis://user:********@host``."""
    return _URL_PASSWORD.sub(r"\1:" + MASK + "@", text) if "://" in text else text


def printable(text: str) -> str:
    """Without what a terminal would obey: control characters, but for the end of a line and a tab."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def masked_deep(value: Any, name: str = "") -> Any:
    """Plain data without its credentials, at any depth; anything else is left as it is."""
    if isinstance(value, str):
        return MASK if value and name and is_secret(name) else masked(value)
    if isinstance(value, Mapping):
        return {key: masked_deep(item, str(key)) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [masked_deep(item, name) for item in value]
    return value
