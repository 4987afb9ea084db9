"""Merges what the probes of all processes wrote into one list of events, as it grows."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from harness.errors import HistoryError
from harness.history import Event


class Log:
    """Takes in what probes wrote; times count from `zero_ns` of the stage's monotonic clock."""

    def __init__(self, zero_ns: int) -> None:
        self.zero_ns = zero_ns
        self._events: list[Event] = []
        self.arrived: list[Event] = []
        """The same events in the order in which they became known; it only ever grows."""

    def copy(self) -> Log:
        """Another one that knows as much."""
        other = Log(self.zero_ns)
        other.arrived = list(self.arrived)
        return other

    def add(self, event: Event) -> None:
        """An event of the harness's own."""
        self.arrived.append(event)

    def ordered(self) -> Sequence[Event]:
        """Everything so far, in order of time."""
        if len(self._events) != len(self.arrived):
            self._events = sorted(self.arrived, key=lambda event: event.at_s)
        return self._events

    def feed(self, lines: Iterable[str | bytes]) -> None:
        """Lines of JSON that have become known."""
        self.take(self._document(line) for line in lines if line)

    def take(self, documents: Iterable[dict[str, Any]]) -> None:
        """The same, read already."""
        fresh = [self._event(document) for document in documents]
        self.arrived += sorted(fresh, key=lambda event: event.at_s)

    @staticmethod
    def _document(line: str | bytes) -> dict[str, Any]:
        try:
            document: dict[str, Any] = json.loads(line)
        except ValueError as error:
            raise _damaged(line) from error
        return document

    def _event(self, document: dict[str, Any]) -> Event:
        try:
            return self._read(document)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise _damaged(document) from error

    def _read(self, document: dict[str, Any]) -> Event:
        at_s = (document["mono_ns"] - self.zero_ns) / 1e9
        data = document.get("data", {})
        if data.get("countdown_s") is not None:
            data["eta_s"] = round(at_s + float(data["countdown_s"]), 3)
        return Event(
            at_s, document["kind"], document["source"], document.get("task_id"), document.get("task"), data
        )


def _damaged(what: object) -> HistoryError:
    return HistoryError(
        f"The record of the run is damaged at {what!r:.80}.",
        remedy="Is the disk or /dev/shm full? Run it again: a record with a hole proves nothing.",
    )


class EventLog(Log):
    """Reads the file to which the processes of a stage append, as it grows."""

    def __init__(self, path: Path, zero_ns: int) -> None:
        super().__init__(zero_ns)
        path.touch()
        self._file = path.open("rb")
        self._rest = b""

    def refresh(self) -> Sequence[Event]:
        """Read what is new; a line that is still being written waits. Returns `arrived`."""
        data = self._file.read()
        if data:
            lines, newline, self._rest = (self._rest + data).rpartition(b"\n")
            self.feed((lines + newline).split(b"\n"))
        return self.arrived

    def close(self) -> None:
        """Give the file back."""
        self._file.close()
