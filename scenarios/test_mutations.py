"""Mutating one setting of myhours turns the right guarantee broken, and the verdict says what it was.

Each mutation is one line of the project's own code or one variable of its environment. The other half, that
nothing is broken without the mutation, is asked of the shared run.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.plugin import Judgement
from scenarios.mutations import MUTATIONS
from scenarios.since import YOUNG, need_young_settings


@pytest.mark.parametrize("name", MUTATIONS)
def test_one_changed_line_breaks_its_guarantee(mutated: Callable[[str], Judgement], name: str) -> None:
    """Under the same contract, judged by the same checker; the verdict names what was seen."""
    mutation = MUTATIONS[name]
    mutated(name).assert_broken(mutation.breaks, mutation.tier, says=mutation.says)


@pytest.mark.parametrize("name", MUTATIONS)
def test_without_the_mutation_the_guarantee_is_kept(myhours: Judgement, name: str) -> None:
    """The other half: what turns broken was kept."""
    if MUTATIONS[name].breaks in YOUNG:
        need_young_settings(myhours)
    myhours.assert_kept(MUTATIONS[name].breaks, MUTATIONS[name].tier)
