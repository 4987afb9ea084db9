"""The source of the app's own modules, parsed when it is first asked for."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Sources:
    """The modules of the project that the app loads; `paths` has the file of each by its shown name.

    A file that is gone, is not UTF-8 or does not parse is as if it were empty.
    """

    paths: Mapping[str, str] = field(default_factory=dict)
    _trees: dict[str, ast.Module] = field(default_factory=dict, repr=False, compare=False)

    def text(self, file: str) -> str:
        """The text of a file."""
        try:
            return Path(self.paths[file]).read_text(encoding="utf-8")
        except (KeyError, OSError, UnicodeDecodeError):
            return ""

    def tree(self, file: str) -> ast.Module:
        """The syntax tree of a file."""
        if file not in self._trees:
            try:
                self._trees[file] = ast.parse(self.text(file))
            except (SyntaxError, ValueError, RecursionError):
                self._trees[file] = ast.Module(body=[], type_ignores=[])
        return self._trees[file]

    def function(self, file: str, line: int) -> Function | None:
        """The function that begins at a line, decorators included; None where there is none."""
        for node in ast.walk(self.tree(file)):
            if isinstance(node, Function):
                first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
                if first == line:
                    return node
        return None

    def functions(self, name: str) -> Iterator[tuple[str, Function]]:
        """Every function of that name in the project, with its file."""
        for file in self.paths:
            for node in ast.walk(self.tree(file)):
                if isinstance(node, Function) and node.name == name:
                    yield file, node

    def calls(self, *names: str) -> Iterator[tuple[str, ast.Call]]:
        """Every call in the project of a function or method of one of these names, with its file."""
        for file in self.paths:
            for node in ast.walk(self.tree(file)):
                if isinstance(node, ast.Call) and last_name(node.func) in names:
                    yield file, node

    def comments(self, file: str) -> Iterator[tuple[int, str]]:
        """The comments of a file, each with its line; no text in a string is one."""
        try:
            for token in tokenize.generate_tokens(io.StringIO(self.text(file)).readline):
                if token.type == tokenize.COMMENT:
                    yield token.start[0], token.string
        except (tokenize.TokenError, SyntaxError):
            return


def last_name(node: ast.AST) -> str:
    """``delay`` of ``tasks.pay.delay``; empty where the expression ends in no name."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def keyword(call: ast.Call, name: str) -> ast.expr | None:
    """The value of a keyword of a call."""
    return next((each.value for each in call.keywords if each.arg == name), None)


def names_in(node: ast.AST) -> set[str]:
    """Every name and attribute that an expression or statement mentions."""
    return {
        each.attr if isinstance(each, ast.Attribute) else each.id
        for each in ast.walk(node)
        if isinstance(each, ast.Attribute | ast.Name)
    }
