"""The judgement as one JSON document, for other programs."""

from __future__ import annotations

import json
from collections.abc import Sequence

from harness.contract import Contract
from harness.history import History
from harness.masking import Mask
from harness.reporter import Reporter
from harness.verdict import Verdict, document, overall


class Json(Reporter):
    """One JSON document: outcome, what was run, and the verdicts in full."""

    def render(
        self, contract: Contract, history: History, verdicts: Sequence[Verdict], *, color: bool
    ) -> str:
        """The document, indented."""
        header = history.header
        mask = Mask(event.data for event in history.events)
        return (
            json.dumps(
                {
                    "outcome": overall(verdicts).value,
                    "app": header.app,
                    "stage": header.stage,
                    "broker": header.broker,
                    "warp": header.warp,
                    "seed": header.seed,
                    "versions": dict(header.versions),
                    "verdicts": mask(document(verdicts)),
                },
                indent=2,
                default=str,
            )
            + "\n"
        )
