"""See `Lock`."""

from __future__ import annotations

from collections.abc import Iterator

from harness.mutation import Mutant, Mutation, Target

HOWS = {
    "granted": "granted to everybody",
    "short": "gone after a thousandth",
    "kept": "kept until it expires",
}


class Lock(Mutation):
    """Locks of the cache (``SET ... NX``) exclude nobody, end too early, or are not given back."""

    def mutants(self, target: Target) -> Iterator[Mutant]:
        if not any(tier.deduplication for tier in target.contract.tiers):
            return
        for how, told in HOWS.items():
            edit = {"do": "lock", "how": how}
            yield Mutant(self.name, "deduplication.lock", "as the app takes it", told, edits=(edit,))
