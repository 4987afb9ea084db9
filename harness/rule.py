"""The idea of a static rule: what it detects in a configuration, why that hurts, and how to mend it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar

from harness.configuration import Configuration
from harness.finding import Finding, Severity


class Rule(ABC):
    """One way in which a configuration does not do what it says. The file name is its public name.

    A rule judges what is in force, and names the line that put it there; it runs nothing. The first
    sentence of its docstring says what it detects. `id` is stable, `why` says what it does in production,
    `mend` what to do, `source` where Celery or a broker says so. `proof` is the test that shows the harm
    in a bad app and its absence in a good one (``scenarios/rules/test_retries.py::test_...``); where no
    run can show it, `unshown` says why.
    """

    id: ClassVar[str]
    severity: ClassVar[Severity]
    why: ClassVar[str]
    mend: ClassVar[str]
    source: ClassVar[str]
    proof: ClassVar[str] = ""
    unshown: ClassVar[str] = ""
    of_suppressions: ClassVar[bool] = False
    """Whether the rule is about suppressions, and is asked when all others have been."""

    @property
    def name(self) -> str:
        """The public name: the name of the file that defines the rule."""
        return type(self).__module__.rpartition(".")[2]

    def told(self) -> str:
        """Id, severity, why, mend, source and proof, as ``explain`` prints them below the docstring."""
        shown = f"pytest {self.proof}" if self.proof else f"none: {self.unshown}"
        rows = {
            "id": self.id, "severity": self.severity.value, "why": self.why, "mend": self.mend,
            "source": self.source, "proof": shown,
        }  # fmt: skip
        return "\n".join(f"{name:<9} {text}" for name, text in rows.items())

    @abstractmethod
    def check(self, app: Configuration) -> Iterator[Finding]:
        """Every place that breaks the rule; `unknown` where nothing that is known tells."""

    def found(
        self, app: Configuration, subject: str, what: str, origin: str = "", *,
        severity: Severity | None = None, mend: str = "",
    ) -> Finding:  # fmt: skip
        """A finding at the line that an origin names; `severity` and `mend` where they are not the usual."""
        return Finding(
            rule=self.id,
            name=self.name,
            severity=severity or self.severity,
            where=app.where(origin),
            subject=subject,
            what=what,
            why=self.why,
            mend=mend or self.mend,
            source=self.source,
        )

    def unknown(self, app: Configuration, subject: str, what: str, origin: str = "") -> Finding:
        """What the rule cannot tell, and what would tell."""
        return self.found(app, subject, what, origin, severity=Severity.UNKNOWN)
