"""The idea of a gate report: what a change means, in; text, out."""

from __future__ import annotations

from abc import ABC, abstractmethod

from harness.comparison import Comparison


class GateReport(ABC):
    """One way to show what the gate found. The file name is its public name."""

    @abstractmethod
    def render(self, comparison: Comparison, *, color: bool) -> str:
        """The whole report, ending with a newline."""
