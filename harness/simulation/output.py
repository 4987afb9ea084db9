"""What simulated processes print, by process, as a stage's log files have it."""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

from harness.simulation.descriptors import WORLD


class Output:
    """Standard output or error of whichever process is running."""

    encoding = "utf-8"
    errors = "backslashreplace"
    closed = False

    def __init__(self, logs: dict[str, list[str]]) -> None:
        self.logs = logs

    def write(self, text: str) -> int:
        """Keep a piece of text; `TypeError` for anything else, as a real stream has it."""
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        self.logs[log_name()].append(text)
        return len(text)

    def writelines(self, lines: Any) -> None:
        """Keep several."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Nothing waits."""

    def isatty(self) -> bool:
        """Nobody looks."""
        return False


class Logs:
    """The logs of a world: in memory, and in files when it ends."""

    def __init__(self) -> None:
        self.texts: dict[str, list[str]] = defaultdict(list)

    def install(self) -> None:
        """From now on nothing reaches the real standard output."""
        output: Any = Output(self.texts)
        sys.stdout = sys.stderr = sys.__stdout__ = sys.__stderr__ = output  # type: ignore[misc]

    def lines(self, name: str) -> list[str]:
        """What a process has printed."""
        return "".join(self.texts[name]).splitlines()

    def write(self, folder: Path) -> None:
        """Put all of them into files."""
        for name, texts in self.texts.items():
            (folder / f"{name}.log").write_text("".join(texts), encoding="utf-8", errors="backslashreplace")


def log_name() -> str:
    """The log of the running process: children share that of their worker."""
    kind, _, name = WORLD.kernel.current.role.partition(":")
    return f"worker-{name}" if kind in ("worker", "child") else kind
