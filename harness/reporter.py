"""The idea of a reporter: verdicts in, text out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from harness.contract import Contract
from harness.history import History
from harness.verdict import Verdict


class Reporter(ABC):
    """One way to show a judgement. The file name is its public name."""

    @abstractmethod
    def render(
        self, contract: Contract, history: History, verdicts: Sequence[Verdict], *, color: bool
    ) -> str:
        """The whole report, ending with a newline."""
