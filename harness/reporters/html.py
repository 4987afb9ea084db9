"""The judgement as one HTML file that needs nothing else: causes, promises, retries and a timeline.

The page is made by Jinja (https://jinja.palletsprojects.com), which escapes whatever an app said; events come
compressed (`_pack.py`), and the script writes them as text, never as markup. The policy in the page's head
(https://www.w3.org/TR/CSP3/) lets a browser run that script alone and load nothing. Lanes are drawn on a
canvas: a plotting library would need an element or an object for each of 100,000 events.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from harness import discovery
from harness.contract import Contract
from harness.history import Event, History
from harness.masking import masked, masked_deep
from harness.reporter import Reporter
from harness.reporters._causes import causes
from harness.reporters._envelopes import figures
from harness.reporters._pack import packed
from harness.reporters._scene import scene
from harness.reporters._story import alike, counted, cut, story, tiers_judged
from harness.verdict import Outcome, Verdict, overall

PARTS = Path(__file__).with_name("_html")
CAUSE, DETAIL = 420, 300
"""Characters of a story's one line, and of an event in a trace; the timeline has the rest."""
TRACE = 8
TONES = {
    "task-failed": "bad", "child-lost": "bad", "worker-lost": "bad", "fault-injected": "bad",
    "publish-failed": "bad",
    "task-retried": "warn", "message-rejected": "warn", "task-succeeded": "good", "dead-lettered": "warn",
}  # fmt: skip


class HtmlReport(Reporter):
    """One offline HTML file: causes, promises, retries against their envelopes, a timeline with filters."""

    def render(
        self, contract: Contract, history: History, verdicts: Sequence[Verdict], *, color: bool
    ) -> str:
        """The page; it makes no request, runs its own script alone, and shows what an app says as text."""
        style, script = (_part(name) for name in ("page.css", "page.js"))
        environment = Environment(
            autoescape=True, undefined=StrictUndefined, trim_blocks=True, finalize=_without_credentials
        )
        template = environment.from_string(_part("page.html.j2"))
        tiers = tiers_judged([tier.name for tier in contract.tiers], verdicts)
        return template.render(
            outcome=overall(verdicts).value,
            header=history.header,
            lead=_lead(verdicts),
            causes=causes(history, verdicts),
            facts=_facts(history, verdicts),
            sections=list(_sections(history, verdicts)),
            tiers=tiers,
            grid=list(_grid(tiers, verdicts)),
            figures=figures(contract, history),
            data=packed(contract, history, scene(contract, history), verdicts),
            style=Markup(style),  # noqa: S704 - files of our own
            script=Markup(script),  # noqa: S704
            style_hash=_hash(style),
            script_hash=_hash(script),
        )


def _without_credentials(value: Any) -> Any:
    """What Jinja calls with whatever it is about to write."""
    return masked(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _part(name: str) -> str:
    return (PARTS / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """What the policy calls a script or style by (https://www.w3.org/TR/CSP3/#grammardef-hash-source)."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _lead(verdicts: Sequence[Verdict]) -> str:
    outcome = overall(verdicts)
    if not verdicts:
        return "Nothing was promised, so nothing was judged."
    if outcome is Outcome.KEPT:
        return f"All {len(verdicts)} promises of the contract held while faults were injected."
    broken, unknown = (sum(v.outcome is each for v in verdicts) for each in (Outcome.BROKEN, Outcome.UNKNOWN))
    said = [f"{broken} of {len(verdicts)} promises of the contract did not hold"] if broken else []
    said += [f"{unknown} of {len(verdicts)} were not put to the test"] if unknown else []
    return "; ".join(said) + "."


def _facts(history: History, verdicts: Sequence[Verdict]) -> list[tuple[str, str]]:
    header = history.header
    span_s = history.events[-1].at_s if history.events else 0.0
    facts = [
        ("verdicts", counted(verdicts)),
        ("stage", header.stage),
        ("broker", str(header.versions.get("broker", header.broker))),
        ("Celery", str(header.versions.get("celery", "?"))),
        ("seed", str(header.seed)),
        ("the stage's clock", duration(span_s)),
    ]
    if header.real_times:
        facts.append(("real clock", duration(float(header.real_times[-1][1]))))
    facts += [("warp", header.warp), ("events", f"{len(history.events):,}"), ("begun", header.started_at)]
    return [(name, masked(value)) for name, value in facts if value]


def duration(seconds: float) -> str:
    """``4 h 13 min``, ``58 s``."""
    whole = round(seconds)
    hours, minutes = whole // 3600, whole % 3600 // 60
    if hours:
        return f"{hours:,} h {minutes} min"
    return f"{minutes} min {whole % 60} s" if minutes else f"{whole} s"


def _sections(history: History, verdicts: Sequence[Verdict]) -> Iterable[dict[str, Any]]:
    """What is broken, then, folded, what is unknown."""
    groups = [_group(group, history, verdicts) for group in alike(verdicts)]
    titles = {Outcome.BROKEN: "What does not hold, and why", Outcome.UNKNOWN: "What was not put to the test"}
    for outcome, title in titles.items():
        mine = [group for group in groups if group["outcome"] == outcome.value]
        if mine:
            yield {
                "outcome": outcome.value,
                "title": title,
                "groups": mine,
                "count": sum(len(g["rows"]) for g in mine),
            }


def _group(group: Sequence[Verdict], history: History, verdicts: Sequence[Verdict]) -> dict[str, Any]:
    first = group[0]
    return {
        "outcome": first.outcome.value,
        "guarantee": first.guarantee,
        "about": _about(first.guarantee),
        "cause": cut(masked(" ".join(first.blame.split())), CAUSE),
        "observed": cut(masked(" ".join(first.observed.split())), CAUSE),
        "rows": [
            {
                "tier": each.tier,
                "number": next(place for place, other in enumerate(verdicts) if other is each),
                "told": story(each),
                "reproduce": masked(each.reproduce),
                "trace": [_line(history.events[place]) for place in sorted(each.events[:TRACE])],
                "more": max(0, len(each.events) - TRACE),
            }
            for each in group
        ],
    }


def _line(event: Event) -> dict[str, str]:
    said = ", ".join(f"{k}={v}" for k, v in masked_deep(event.data).items() if v not in (None, "", [], {}))
    return {
        "at": f"{event.at_s:,.2f} s",
        "kind": event.kind,
        "tone": TONES.get(event.kind, ""),
        "task": f"{event.task or ''} {(event.task_id or '')[:8]}".strip(),
        "detail": cut(said, DETAIL),
    }


def _grid(tiers: Sequence[str], verdicts: Sequence[Verdict]) -> Iterable[dict[str, Any]]:
    cells = {(verdict.guarantee, verdict.tier): verdict for verdict in verdicts}
    for guarantee in sorted({verdict.guarantee for verdict in verdicts}):
        found = [cells.get((guarantee, tier)) for tier in tiers]
        yield {
            "guarantee": guarantee,
            "about": _about(guarantee),
            "cells": [
                each and {"outcome": each.outcome.value, "observed": cut(masked(each.observed), DETAIL)}
                for each in found
            ],
        }


def _about(guarantee: str) -> str:
    known = guarantee in discovery.names("checkers")
    return discovery.summary("checkers", guarantee).replace("``", "") if known else ""
