"""Packs events and picture for the page: columns of numbers, texts once each, compressed, in Base64.

Base64 has no ``<`` and no quote, so that nothing in an event can end the element that holds it.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterable
from typing import Any

from harness.contract import Contract
from harness.history import Event, History
from harness.masking import masked, masked_deep
from harness.reporters._scene import Scene
from harness.verdict import Verdict

LONGEST_DETAIL = (2_000, 400, 200, 100, 40, 0)
"""Characters that are shown of one event, most first; the page says what was cut."""
LARGEST_BYTES = 4_500_000
LARGEST_RAW = 25_000_000
"""Characters of details that are worth an attempt to compress them."""
LEFT_OUT = frozenset({"delivery_tag", "parent"})
"""Fields that say nothing to a reader."""


class Texts:
    """Every text once; events carry its number."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}

    def number(self, text: str) -> int:
        """The number of a text, new or known."""
        return self.numbers.setdefault(masked(text), len(self.numbers))

    def all(self) -> list[str]:
        """All texts in the order of their numbers."""
        return list(self.numbers)


def packed(contract: Contract, history: History, drawn: Scene, verdicts: Iterable[Verdict]) -> str:
    """The document in Base64, of at most `LARGEST_BYTES`; details are cut where it would be longer."""
    document = _document(contract, history, drawn, verdicts)
    details = [_detail(event) for event in history.events]
    for limit in LONGEST_DETAIL:
        texts = Texts()
        document["detail"] = [texts.number(_cut(detail, limit)) for detail in details]
        if limit and sum(map(len, texts.numbers)) > LARGEST_RAW:
            continue
        document["details"] = texts.all()
        document["cut"] = limit if any(len(detail) > limit for detail in details) else None
        raw = json.dumps(document, separators=(",", ":"), default=str).encode()
        text = base64.b64encode(gzip.compress(raw, compresslevel=6, mtime=0)).decode()
        if len(text) <= LARGEST_BYTES:
            return text
    return text


def _document(
    contract: Contract, history: History, drawn: Scene, verdicts: Iterable[Verdict]
) -> dict[str, Any]:
    kinds, sources, ids, names = Texts(), Texts(), Texts(), Texts()
    tasks: dict[int, int] = {}
    experiments: dict[int, str] = {}
    columns: dict[str, list[int]] = {"at": [], "kind": [], "source": [], "task": []}
    before = 0
    for event in history.events:
        at_ms = round(event.at_s * 1000)
        columns["at"].append(at_ms - before)
        before = at_ms
        columns["kind"].append(kinds.number(event.kind))
        columns["source"].append(sources.number(event.source))
        place = -1 if event.task_id is None else ids.number(event.task_id)
        columns["task"].append(place)
        if place >= 0 and event.task and tasks.get(place, -1) < 0:
            tasks[place] = names.number(event.task)
        if place >= 0 and event.get("experiment"):
            experiments[place] = masked(str(event.get("experiment")))
    tiers = [tier.name if (tier := contract.tier_of(name)) else "" for name in names.all()]
    return {
        **columns,
        "kinds": kinds.all(),
        "sources": sources.all(),
        "ids": ids.all(),
        "names": names.all(),
        "tiers": tiers,
        "name_of": [tasks.get(place, -1) for place in range(len(ids.all()))],
        "experiments": [experiments.get(place, "") for place in range(len(ids.all()))],
        "verdicts": [
            [masked(each.guarantee), masked(each.tier), each.outcome.value, list(each.events)]
            for each in verdicts
        ],
        "real": [list(pair) for pair in history.header.real_times],
        "scene": _picture(drawn, ids),
    }


def _picture(drawn: Scene, ids: Texts) -> dict[str, Any]:
    return {
        "lanes": [[kind, masked(name)] for kind, name in drawn.lanes],
        "spans": [
            [s.lane, _ms(s.from_s), _ms(s.to_s), ids.number(s.task_id), s.attempt, s.outcome, s.event]
            for s in drawn.spans
        ],
        "arcs": [
            [a.lane, a.to_lane, _ms(a.from_s), _ms(a.to_s), ids.number(a.task_id), a.low_s, a.high_s]
            for a in drawn.arcs
        ],
        "bands": [[b.lane, _ms(b.from_s), _ms(b.to_s), b.name, b.event] for b in drawn.bands],
        "marks": [[m.lane, _ms(m.at_s), m.kind, m.event] for m in drawn.marks],
        "depths": [
            [lane, [[_ms(at_s), depth] for at_s, depth in steps]] for lane, steps in drawn.depths.items()
        ],
    }


def _detail(event: Event) -> str:
    """What an event says, one text a field, without what says nothing."""
    return ", ".join(
        f"{name}={value}"
        for name, value in masked_deep(event.data).items()
        if value not in (None, "", [], {}) and name not in LEFT_OUT
    )


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[:limit] + "…"


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
