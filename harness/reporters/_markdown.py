"""Text that Markdown does not interpret, whatever is in it; tables, and an end that says what was cut."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from harness.masking import masked

LONGEST = 60_000
"""GitHub takes comments of at most 65,536 characters."""

_MARKS = re.compile(r"([\\`*_{}\[\]<>#|~@!&$])")


def plain(text: str) -> str:
    """One line that is shown as it is written: no markup, no HTML, no mention, no link."""
    return (
        _MARKS.sub(r"\\\1", masked(" ".join(text.split())))
        .replace("://", ":\u200b//")
        .replace("\\@", "@\u200b")
    )


def code(text: str) -> str:
    """A code span, with a fence longer than any run of backticks inside."""
    line = masked(" ".join(text.split())).replace("|", "\\|")
    ticks = "`" * (1 + max((len(run) for run in re.findall("`+", line)), default=0))
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{ticks}{pad}{line}{pad}{ticks}"


def block(lines: Iterable[str], language: str = "text") -> str:
    """A fenced block; what would end it is broken up."""
    text = masked("\n".join(lines)).replace("```", "`\u200b``")
    return f"```{language}\n{text}\n```"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are Markdown already."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(row) + " |" for row in lines)


def bounded(parts: Sequence[str], rest: str) -> str:
    """The parts as paragraphs, as many as `LONGEST` takes; then `rest` says where the others are."""
    taken, length = list[str](), len(rest)
    for part in parts:
        length += len(part) + 2
        if length > LONGEST:
            return "\n\n".join([*taken, rest]) + "\n"
        taken.append(part)
    return "\n\n".join(taken) + "\n"
