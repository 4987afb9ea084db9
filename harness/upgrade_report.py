"""What differs between environments or brokers: as text, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from harness.differences import shown
from harness.impact import Change
from harness.masking import masked, masked_deep, printable
from harness.upgrade import Compared, worst

WIDTH = 110
DEFAULT = "Celery's default"
"""The origin of a setting that the app does not give; what only Celery says is for programs."""


def as_text(found: Sequence[Compared]) -> str:
    """Each difference with what was observed on both sides, then settings that are read otherwise."""
    lines: list[str] = []
    for each in found:
        lines += [f"{each.first.name} ({each.first.versions}) -> {each.other.name} ({each.other.versions})"]
        for told in each.behaviour:
            lines += [f"  {told.difference.kind.value.upper():<12} {told.difference.text}"]
            for side, said in ((each.first, told.before), (each.other, told.after)):
                lines += [_cut(f"    {side.name}: {said}")] if said else []
        lines += [] if each.behaviour else ["  no difference was observed"]
        given = [change for change in each.settings if change.name != "unknown" and change.origin != DEFAULT]
        lines += [_cut(f"  {'setting':<12} {_setting(change)}") for change in given]
        lines += [""]
    return printable(masked("\n".join(lines)))


def as_json(found: Sequence[Compared]) -> str:
    """One document."""
    document = {
        "schema": 1,
        "outcome": worst(found).value,
        "comparisons": [_document(each) for each in found],
    }
    return json.dumps(masked_deep(document), indent=2, default=str) + "\n"


def _document(each: Compared) -> dict[str, Any]:
    return {
        "first": {"name": each.first.name, "versions": each.first.settings.get("versions")},
        "other": {"name": each.other.name, "versions": each.other.settings.get("versions")},
        "outcome": each.outcome.value,
        "differences": [
            {
                **asdict(told.difference), "kind": told.difference.kind.value,
                "observed_first": told.before, "observed_other": told.after,
            }
            for told in each.behaviour
        ],
        "settings": [
            {**asdict(change), **_values(change)} for change in each.settings
        ],
    }  # fmt: skip


def _values(change: Change) -> dict[str, Any]:
    return {
        "before": masked_deep(change.before, change.name), "after": masked_deep(change.after, change.name)
    }  # fmt: skip


def _setting(change: Change) -> str:
    values = _values(change)
    if change.after is None:
        return f"{change.text}: not read any more (was {shown(values['before'])})"
    if change.before is None:
        return f"{change.text}: read now ({shown(values['after'])})"
    return f"{change.text}: {shown(values['before'])}, now {shown(values['after'])}"


def _cut(text: str) -> str:
    line = " ".join(text.split(" ")).replace("\n", " ")
    return line if len(line) <= WIDTH else f"{line[: WIDTH - 3]}..."
