"""The gate's answer for other programs."""

from __future__ import annotations

import json
from dataclasses import asdict

from harness.comparison import Comparison
from harness.gate_report import GateReport
from harness.gate_reports._told import evidence
from harness.masking import masked_deep
from harness.verdict import document


class JsonGate(GateReport):
    """One JSON document: outcome, settings, choices, differences with their evidence, verdicts."""

    def render(self, comparison: Comparison, *, color: bool) -> str:
        """The document, indented."""
        found = {
            "outcome": comparison.outcome.value,
            "app": comparison.app,
            "base": comparison.base,
            "settings": [
                {
                    **asdict(each),
                    "before": masked_deep(each.before, each.name),
                    "after": masked_deep(each.after, each.name),
                }
                for each in comparison.settings
            ],
            "promised": comparison.promised,
            "choices": [asdict(each) for each in comparison.choices],
            "differences": [
                {
                    **asdict(each),
                    "kind": each.kind.value,
                    "accepted": comparison.is_accepted(each),
                    "evidence": dict(evidence(comparison, each)),
                }
                for each in comparison.differences
            ],
            "findings": None
            if comparison.findings is None
            else [asdict(each) for each in comparison.findings],
            "lock": comparison.lock,
            "lock_current": comparison.lock_current,
            "folder": comparison.folder,
            "verdicts": document(comparison.after),
        }
        return json.dumps(masked_deep(found), indent=2, default=str) + "\n"
