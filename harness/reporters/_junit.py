"""JUnit XML as CI systems read it (https://github.com/testmoapp/junitxml): suites of cases."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal
from xml.etree import ElementTree as ET

from harness.masking import masked

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot say at all (https://www.w3.org/TR/xml/#charsets)."""


@dataclass(frozen=True, slots=True)
class Case:
    """One test case; `message` is its one line, `text` the whole story."""

    suite: str
    name: str
    result: Literal["passed", "failure", "error"]
    message: str = ""
    text: str = ""
    file: str = ""


def render(name: str, cases: Sequence[Case], properties: Mapping[str, str]) -> str:
    """The document: cases of equal suite, in the order given, under one root that counts them."""
    root = ET.Element("testsuites", {"name": _text(name), **_counts(cases)})
    for suite, members in groupby(cases, key=lambda case: case.suite):
        mine = list(members)
        element = ET.SubElement(root, "testsuite", {"name": _text(suite), **_counts(mine)})
        told = ET.SubElement(element, "properties")
        for key, value in properties.items():
            ET.SubElement(told, "property", {"name": _text(key), "value": _text(value)})
        for case in mine:
            _add(element, name, case)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _add(suite: ET.Element, name: str, case: Case) -> None:
    words = {"classname": _text(f"{name}.{case.suite}"), "name": _text(case.name)}
    if case.file:
        words["file"] = _text(case.file)
    element = ET.SubElement(suite, "testcase", words)
    if case.result == "passed":
        if case.message:
            ET.SubElement(element, "system-out").text = _text(case.message)
        return
    kind = "broken" if case.result == "failure" else "unknown"
    ET.SubElement(
        element, case.result, {"type": kind, "message": _text(" ".join(case.message.split()))}
    ).text = _text(case.text)


def _counts(cases: Iterable[Case]) -> dict[str, str]:
    results = [case.result for case in cases]
    return {
        "tests": str(len(results)),
        "failures": str(results.count("failure")),
        "errors": str(results.count("error")),
    }


def _text(text: str) -> str:
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", masked(text))
