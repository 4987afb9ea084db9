"""The order of things of ``lint``: the app's snapshot, its contract and commands, then every rule."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from pathlib import Path

from harness import discovery
from harness.configuration import Configuration
from harness.contract import Contract
from harness.draft_workers import commands
from harness.errors import UsageError
from harness.finding import Finding, Lint, ordered
from harness.inspection import inspect
from harness.rule import Rule
from harness.settings import Settings
from harness.sources import Sources
from harness.suppressions import applied, in_project, on_lines
from harness.unloaded import unloaded


def rules(only: Iterable[str] = ()) -> list[Rule]:
    """All rules, or those of these ids or names, in the order of their ids; `UsageError` for another."""
    every = _every()
    wanted = tuple(only)
    if not wanted:
        return list(every)
    known = {key: rule for rule in every for key in (rule.id, rule.name)}
    for key in wanted:
        if key not in known:
            raise UsageError(
                f"There is no rule named {key!r}.", remedy=discovery.suggestion(key, sorted(known))
            )
    return [rule for rule in every if {rule.id, rule.name} & set(wanted)]


@cache
def _every() -> tuple[Rule, ...]:
    found: list[Rule] = [discovery.find("rules", name)() for name in discovery.names("rules")]
    return tuple(sorted(found, key=lambda rule: rule.id))


def lint(app: str, workdir: Path, contract: Contract | None = None, only: Iterable[str] = ()) -> Lint:
    """Load an app behind the interlock and ask every rule about it; `AppError` where it cannot be loaded."""
    chosen = rules(only)
    configuration = configured(inspect(app, workdir).snapshot, workdir, contract)
    return Lint(app, tuple(judged(configuration, chosen)), len(chosen))


def configured(snapshot: Settings, workdir: Path, contract: Contract | None = None) -> Configuration:
    """What rules see of an app: its snapshot, its contract, and what its folder says."""
    sources = Sources(snapshot.get("sources") or {})
    others = unloaded(workdir, sources)
    callers = Sources({**sources.paths, **others.callers})
    return Configuration(
        settings=snapshot,
        contract=contract,
        commands=commands(workdir),
        sources=sources,
        suppressions=(*on_lines(callers), *in_project(workdir)),
        callers=callers,
        strays=others.strays,
        folder=str(workdir.resolve()),
    )


def judged(configuration: Configuration, chosen: Iterable[Rule]) -> list[Finding]:
    """What rules find, the worst first; suppressions are judged when all else has been.

    A suppression is reported as unused only where its own rule was asked.
    """
    chosen = list(chosen)
    found = [f for rule in chosen if not rule.of_suppressions for f in rule.check(configuration)]
    kept, marked = applied(found, configuration.suppressions)
    asked = {key for rule in chosen for key in (rule.id, rule.name)}
    every = {key for rule in rules() for key in (rule.id, rule.name)}
    concerned = tuple(each for each in marked if each.rule in asked or each.rule not in every)
    after = replace(configuration, suppressions=concerned)
    kept += [f for rule in chosen if rule.of_suppressions for f in rule.check(after)]
    return ordered(kept)
