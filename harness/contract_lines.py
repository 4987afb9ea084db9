"""Finds the line of every table and key in a text that `tomllib` has accepted; `tomllib` tells none."""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right

Path = tuple[str | int, ...]
"""The way to a value: keys, and places in arrays."""

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_BARE_VALUE = re.compile(r"[^,\]}#\n]*")
_STRINGS = tuple(
    re.compile(pattern, re.DOTALL)
    for pattern in (
        r'"""(?:\\.|[^\\])*?"{3,5}',
        r"'''.*?'{3,5}",
        r'"(?:\\.|[^"\\])*"',
        r"'[^']*'",
    )
)


def lines(text: str) -> dict[Path, int]:
    """The line, counted from 1, of each table, key and array item; `text` must be valid TOML."""
    return _Scanner(text).document()


class _Scanner:
    """Walks valid TOML once; it checks nothing, `tomllib` has."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.place = 0
        self.found: dict[Path, int] = {}
        self.table: Path = ()
        self.items: dict[Path, int] = {}
        self._line_ends = [match.start() for match in re.finditer("\n", text)]

    def document(self) -> dict[Path, int]:
        self._skip_blank()
        while self.place < len(self.text):
            if self.text[self.place] == "[":
                self._header()
            else:
                self._pair(self.table)
            self._skip_blank()
        return self.found

    def _header(self) -> None:
        line = self._line()
        is_array = self.text.startswith("[[", self.place)
        self.place += 2 if is_array else 1
        path: Path = ()
        keys = self._key()
        for depth, key in enumerate(keys):
            path = (*path, key)
            self.found.setdefault(path, line)
            if is_array and depth == len(keys) - 1:
                self.items[path] = self.items.get(path, -1) + 1
            if path in self.items:
                path = (*path, self.items[path])
        self.found[path] = line
        self.place += 2 if is_array else 1
        self.table = path

    def _pair(self, table: Path) -> None:
        line = self._line()
        path = table
        for key in self._key():
            path = (*path, key)
            self.found.setdefault(path, line)
        self.place += 1  # the equals sign
        self._value(path)

    def _key(self) -> list[str]:
        """A dotted key, read up to the equals sign or bracket that follows it."""
        keys = []
        while True:
            self._skip_blank()
            if self.text[self.place] in "\"'":
                keys.append(str(tomllib.loads(f"key = {self._take_string()}")["key"]))
            else:
                keys.append(self._take(_BARE_KEY))
            self._skip_blank()
            if self.text[self.place] != ".":
                return keys
            self.place += 1

    def _value(self, path: Path) -> None:
        self._skip_blank()
        first = self.text[self.place]
        if first == "[":
            self._sequence(path, "]")
        elif first == "{":
            self._sequence(path, "}")
        elif first in "\"'":
            self._take_string()
        else:
            self._take(_BARE_VALUE)

    def _sequence(self, path: Path, end: str) -> None:
        """The items of an array or the pairs of an inline table, with the bracket that ends it."""
        self.place += 1
        item = 0
        while True:
            self._skip_blank()
            if self.text[self.place] == end:
                self.place += 1
                return
            if self.text[self.place] == ",":
                self.place += 1
            elif end == "}":
                self._pair(path)
            else:
                self.found[*path, item] = self._line()
                self._value((*path, item))
                item += 1

    def _take_string(self) -> str:
        return next(taken for pattern in _STRINGS if (taken := self._take(pattern)))

    def _take(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self.text, self.place)
        if match is None:
            return ""
        self.place = match.end()
        return match.group()

    def _skip_blank(self) -> None:
        self._take(_BLANK)

    def _line(self) -> int:
        return bisect_right(self._line_ends, self.place - 1) + 1
