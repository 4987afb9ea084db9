"""Where in a task's own function an ordered failure is raised: inside its first ``try``, where it has one.

CPython leaves a ``try`` unguarded in which nothing can raise (``try: return "ok"``): its exception table
has no entry for it (`Objects/exception_handling_notes.txt`, `Python/flowgraph.c`).
Such a function is compiled again with a name looked up first thing in that ``try``, which changes nothing
that it does and gives it its handlers back.
"""

from __future__ import annotations
import __future__

import ast
import dis
import functools
import inspect
import linecache
import textwrap
from types import CodeType, FunctionType
from typing import Any

_FUTURE = functools.reduce(
    lambda flags, name: flags | getattr(__future__, name).compiler_flag, __future__.all_feature_names, 0
)
_HARMLESS = "__name__"
"""A name that every module has; the compiler does not count on it."""
_ALIKE = (
    "co_argcount",
    "co_posonlyargcount",
    "co_kwonlyargcount",
    "co_varnames",
    "co_freevars",
    "co_cellvars",
    "co_firstlineno",
)


@functools.lru_cache(maxsize=512)
def target_line(code: CodeType) -> int | None:
    """The first line of the first ``try`` block of a function; 0 where it has none, None without a source."""
    try:
        tree = ast.parse(_source(code))
    except (OSError, TypeError, SyntaxError):
        return None
    tries = [node.body[0].lineno for node in ast.walk(tree) if isinstance(node, ast.Try)]
    return code.co_firstlineno - 1 + min(tries) if tries else 0


def _source(code: CodeType) -> str:
    """As `inspect.getsource` of the code, which looks up the path of every module that is loaded first."""
    lines = linecache.getlines(code.co_filename)[max(0, code.co_firstlineno - 1) :]
    if not lines:
        raise OSError(f"no source of {code.co_name}")
    return textwrap.dedent("".join(inspect.getblock(lines)))


def misses(code: CodeType, offset: int) -> bool:
    """Whether what is raised at this offset passes by the function's own ``try``: it proves nothing then."""
    target = target_line(code)
    has_try = bool(target) or (target is None and bool(code.co_exceptiontable))
    return has_try and not _is_guarded(code, offset)


def guard(function: Any) -> None:
    """Give the first ``try`` of a function its handlers back, where the compiler has left it unguarded."""
    function = getattr(function, "__func__", function)
    code = function.__code__ if isinstance(function, FunctionType) else None
    again = _guarded(code) if code else None
    if again is not None:
        function.__code__ = again


@functools.lru_cache(maxsize=512)
def _guarded(code: CodeType) -> CodeType | None:
    """The code with its first ``try`` guarded; None where that is so already, or cannot be had."""
    target = target_line(code)
    again = _compiled_again(code, target) if target else None
    return again if again is not None and target and _is_guarded_at(again, target) else None


@functools.lru_cache(maxsize=512)
def _is_guarded(code: CodeType, offset: int) -> bool:
    entries: Any = vars(dis.Bytecode(code))["exception_entries"]
    return any(entry.start <= offset < entry.end for entry in entries)


def _is_guarded_at(code: CodeType, line: int) -> bool:
    first = next((start for start, _, number in code.co_lines() if number == line), None)
    return first is not None and _is_guarded(code, first)


def _compiled_again(code: CodeType, target: int) -> CodeType | None:
    """The same function with a name looked up in its first ``try``; None where it cannot be made alike."""
    own = ast.parse(_source(code)).body[0]
    if not isinstance(own, ast.FunctionDef):
        return None
    ast.increment_lineno(own, code.co_firstlineno - 1)
    block = next(n.body for n in ast.walk(own) if isinstance(n, ast.Try) and n.body[0].lineno == target)
    if not _cannot_raise(block[0]):
        return None
    look = ast.Expr(ast.Name(_HARMLESS, ast.Load()))
    block.insert(0, ast.copy_location(look, block[0]))
    ast.copy_location(look.value, look)
    again = _code_of(own, code)
    alike = again is not None and all(getattr(again, name) == getattr(code, name) for name in _ALIKE)
    if again is None or not alike or set(again.co_names) - {_HARMLESS} != set(code.co_names) - {_HARMLESS}:
        return None
    return again.replace(co_qualname=code.co_qualname, co_flags=code.co_flags)


def _cannot_raise(statement: ast.stmt) -> bool:
    """Whether the compiler leaves this statement out of what a ``try`` guards."""
    if isinstance(statement, ast.Return | ast.Expr):
        return statement.value is None or isinstance(statement.value, ast.Constant)
    return isinstance(statement, ast.Pass | ast.Break | ast.Continue | ast.Global | ast.Nonlocal)


def _code_of(own: ast.FunctionDef, code: CodeType) -> CodeType | None:
    """The function's code, compiled where it stood: in its class, and with what it closes over."""
    holder = code.co_qualname.rpartition(".")[0].rpartition(".")[2]
    in_class = bool(holder) and holder != "<locals>"
    free = [name for name in code.co_freevars if not (in_class and name == "__class__")]
    head = f"def outer({', '.join(free)}):\n" + (f" class {holder}:\n  pass" if in_class else " pass")
    outer = ast.parse(head)
    place: Any = outer.body[0]
    if in_class:
        place = place.body[0]
    place.body = [own]
    flags = code.co_flags & _FUTURE
    return _nested(compile(outer, code.co_filename, "exec", flags=flags, dont_inherit=True), own.name)


def _nested(code: CodeType, name: str) -> CodeType | None:
    inside = [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    found = next((each for each in inside if each.co_name == name), None)
    return found or next((deep for each in inside if (deep := _nested(each, name))), None)
