"""SARIF 2.1.0 for code scanning (https://docs.oasis-open.org/sarif/sarif/v2.1.0/): rules and results."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Literal
from urllib.parse import quote

from harness.masking import masked, masked_deep
from harness.reporters._story import Place

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


@dataclass(frozen=True, slots=True)
class Rule:
    """What a result is an instance of."""

    id: str
    summary: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """One thing that is wrong, at a place of the user's repository; `identity` stays equal between runs."""

    rule: str
    level: Literal["error", "warning", "note"]
    message: str
    place: Place
    identity: str
    properties: Mapping[str, Any] = field(default_factory=dict)


def render(version: str, rules: Iterable[Rule], results: Iterable[Result], **run: Any) -> str:
    """The log of one run; further keywords are properties of the run."""
    told = list(rules)
    places = {rule.id: number for number, rule in enumerate(told)}
    document = {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "celery-harness",
                        "semanticVersion": version,
                        "rules": [_rule(rule) for rule in told],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "results": [_result(result, places[result.rule]) for result in results],
                "properties": run,
            }
        ],
    }
    return json.dumps(document, indent=2, default=str) + "\n"


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "name": "".join(word.capitalize() for word in rule.id.split("_")),
        "shortDescription": {"text": rule.summary},
        "fullDescription": {"text": rule.summary},
        "help": {"text": rule.text or rule.summary},
        "defaultConfiguration": {"level": "error"},
    }


def _result(result: Result, index: int) -> dict[str, Any]:
    return {
        "ruleId": result.rule,
        "ruleIndex": index,
        "level": result.level,
        "message": {"text": masked(result.message)},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": _artifact(result.place.path),
                    "region": {"startLine": max(1, result.place.line)},
                }
            }
        ],
        "partialFingerprints": {"celeryHarness/v1": masked(result.identity)},
        "properties": masked_deep(result.properties),
    }


def _artifact(path: str) -> dict[str, str]:
    """A relative path is one of the repository; an absolute one says where it is."""
    if PurePosixPath(path).is_absolute():
        return {"uri": f"file://{quote(path)}"}
    return {"uri": quote(path), "uriBaseId": "%SRCROOT%"}
