"""What a run looks like while it goes on: a line with a spinner on a terminal, nothing in a pipe."""

from __future__ import annotations

import os
import sys
from types import TracebackType
from typing import IO, Self

from rich.console import Console
from rich.status import Status


def wants_color(stream: IO[str]) -> bool:
    """Colour on a terminal, unless ``NO_COLOR`` says otherwise (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


class Progress:
    """Says what is being done; quiet where nobody watches."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._status: Status | None = None
        if not quiet and sys.stderr.isatty():
            console = Console(file=sys.stderr, no_color=not wants_color(sys.stderr))
            self._status = Status("", console=console)

    def say(self, text: str) -> None:
        """What is being done now."""
        if self._status is not None:
            self._status.update(text)

    def __enter__(self) -> Self:
        if self._status is not None:
            self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._status is not None:
            self._status.stop()
