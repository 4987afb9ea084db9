"""What a run came to, as a test asserts it."""

from __future__ import annotations

from dataclasses import dataclass

from harness.contract import Contract
from harness.history import History
from harness.verdict import Outcome, Verdict


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdicts of one run, and the record behind them."""

    verdicts: tuple[Verdict, ...]
    history: History
    contract: Contract

    def of(self, guarantee: str, tier: str | None = None) -> list[Verdict]:
        """The verdicts on one guarantee, of one tier where given."""
        found = [v for v in self.verdicts if v.guarantee == guarantee and tier in (None, v.tier)]
        assert found, f"nothing promises {guarantee}" + (f" in tier {tier}" if tier else "")
        return found

    def outcomes(self, guarantee: str) -> dict[str, Outcome]:
        """Outcome by tier."""
        return {verdict.tier: verdict.outcome for verdict in self.of(guarantee)}

    def assert_kept(self, guarantee: str, tier: str | None = None) -> None:
        """Fail with the story of each tier in which the guarantee was not kept."""
        failed = [verdict for verdict in self.of(guarantee, tier) if verdict.outcome is not Outcome.KEPT]
        stories = [
            f"{v.outcome.value} {v.guarantee} [{v.tier}]: {v.observed}\n  {v.reproduce}" for v in failed
        ]
        assert not failed, "\n".join(stories)

    def assert_broken(self, guarantee: str, tier: str | None = None, *, says: str = "") -> Verdict:
        """Fail unless the guarantee was broken, with `says` in the story; the first such verdict."""
        found = self.of(guarantee, tier)
        broken = [
            verdict
            for verdict in found
            if verdict.outcome is Outcome.BROKEN
            and says in f"{verdict.observed}\n{verdict.blame}\n{verdict.mend}"
        ]
        stories = [f"{v.outcome.value} [{v.tier}]: {v.observed}\n  {v.blame}" for v in found]
        assert broken, "\n".join([f"not broken, or without the words {says!r}:", *stories])
        return broken[0]
