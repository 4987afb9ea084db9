"""Takes out of what is shown: passwords in URLs, values whose names tell a secret, control characters."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
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


SHORTEST = 6
"""Characters of a credential that is looked for wherever it stands; a shorter one may be any word."""


class Mask:
    """Takes the credentials of a whole record out of it, so that it can be judged as before.

    What stands under a name that tells a secret is taken out there, and wherever else it is written: in a
    dead letter, in a text. Equal credentials stay equal and others different: ``********``, ``********2``.
    """

    def __init__(self, documents: Iterable[Any]) -> None:
        known = dict.fromkeys(each for document in documents for each in _credentials(document))
        shown = {each: MASK if place == 1 else f"{MASK}{place}" for place, each in enumerate(known, start=1)}
        self._shown = shown
        longest = sorted((each for each in shown if len(each) >= SHORTEST), key=len, reverse=True)
        self._pattern = re.compile("|".join(re.escape(each) for each in longest)) if longest else None

    def __call__(self, value: Any, name: str = "") -> Any:
        """The same plain data without its credentials, at any depth."""
        if isinstance(value, str):
            if value and name and is_secret(name):
                return self._shown.get(value, MASK)
            text = masked(value)
            return self._pattern.sub(lambda found: self._shown[found[0]], text) if self._pattern else text
        if isinstance(value, Mapping):
            return {key: self(item, str(key)) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self(item, name) for item in value]
        return value


def _credentials(value: Any, name: str = "") -> Iterator[str]:
    if isinstance(value, str):
        if value and name and is_secret(name):
            yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _credentials(item, str(key))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _credentials(item, name)
