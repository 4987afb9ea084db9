"""Indexes one module by its syntax tree: where it sets names, and where it reads them."""

from __future__ import annotations

import ast
import sys
from collections import defaultdict
from dataclasses import dataclass, field

_BASES = ("conf", "settings", "config", "configuration")
_CONSTRUCTOR = {"broker": "broker_url", "backend": "result_backend"}
Function = ast.FunctionDef | ast.AsyncFunctionDef
Lines = defaultdict[str, list[str]]


@dataclass(slots=True)
class Module:
    """One module of the project: where each name is set and read, as ``file:line``."""

    name: str
    file: str
    tree: ast.Module
    assigned: dict[str, str] = field(default_factory=dict)
    conf_writes: dict[str, str] = field(default_factory=dict)
    dict_keys: dict[str, str] = field(default_factory=dict)
    setting_reads: Lines = field(default_factory=lambda: defaultdict(list))
    attribute_reads: Lines = field(default_factory=lambda: defaultdict(list))
    name_reads: Lines = field(default_factory=lambda: defaultdict(list))
    functions: dict[int, Function] = field(default_factory=dict)
    stars: list[str] = field(default_factory=list)

    def at(self, node: ast.AST) -> str:
        """``payroll/tasks.py:12``."""
        return f"{self.file}:{getattr(node, 'lineno', 0)}"


def index(module: Module) -> None:
    """Note every place where a module sets or reads a name."""
    for node in ast.walk(module.tree):
        if isinstance(node, Function):
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            module.functions[first] = node
        elif isinstance(node, ast.ClassDef):
            _index_assignments(module, node.body, f"{node.name}.")
        elif isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names):
            module.stars.append(_absolute(module.name, node))
        elif isinstance(node, ast.Call):
            _index_call(module, node)
        elif isinstance(node, ast.Dict):
            for key in node.keys:
                if isinstance(key, ast.Constant) and isinstance(key.value, str):
                    module.dict_keys.setdefault(key.value, module.at(key))
        elif isinstance(node, ast.Attribute | ast.Subscript | ast.Name):
            _index_access(module, node)
    _index_assignments(module, module.tree.body, "")


def _index_assignments(module: Module, body: list[ast.stmt], prefix: str) -> None:
    """Assignments of a module or class body, also inside ``if``, ``try`` and ``with``; the last counts."""
    for statement in body:
        if isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            for target in targets:
                for name in ast.walk(target):
                    if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store):
                        module.assigned[prefix + name.id] = module.at(statement)
        elif isinstance(statement, Function):
            module.assigned[prefix + statement.name] = module.at(statement)
        elif isinstance(statement, ast.If | ast.Try | ast.With | ast.For):
            for inner in ("body", "orelse", "finalbody"):
                _index_assignments(module, getattr(statement, inner, []), prefix)
            for handler in getattr(statement, "handlers", []):
                _index_assignments(module, handler.body, prefix)


def _index_call(module: Module, call: ast.Call) -> None:  # noqa: C901 - one branch for each form of call
    name = last_name(call.func)
    texts = [arg.value for arg in call.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
    if name in ("getattr", "hasattr") and len(call.args) > 1 and texts:
        module.setting_reads[texts[0]].append(module.at(call))
        module.attribute_reads[texts[0]].append(module.at(call))
    elif isinstance(call.func, ast.Attribute) and _is_conf(call.func.value):
        if name == "get" and texts:
            module.setting_reads[texts[0]].append(module.at(call))
        elif name in ("update", "add_defaults", "setdefault"):
            how = f"app.conf.{name} in "
            for keyword in call.keywords:
                if keyword.arg:
                    module.conf_writes[keyword.arg] = how + module.at(keyword)
            for key in (key for arg in call.args if isinstance(arg, ast.Dict) for key in arg.keys):
                if isinstance(key, ast.Constant) and isinstance(key.value, str):
                    module.conf_writes[key.value] = how + module.at(key)
            for text in texts[:1]:
                module.conf_writes[text] = how + module.at(call)
    elif name == "Celery":
        for keyword in call.keywords:
            if keyword.arg:
                written = _CONSTRUCTOR.get(keyword.arg, keyword.arg)
                module.conf_writes.setdefault(written, f"Celery(...) in {module.at(keyword)}")


def _index_access(module: Module, node: ast.Attribute | ast.Subscript | ast.Name) -> None:
    reading = isinstance(node.ctx, ast.Load)
    if isinstance(node, ast.Name):
        if reading:
            module.name_reads[node.id].append(module.at(node))
        return
    key = node.attr if isinstance(node, ast.Attribute) else getattr(node.slice, "value", None)
    if not isinstance(key, str):
        return
    if reading and isinstance(node, ast.Attribute):
        module.attribute_reads[key].append(module.at(node))
    if not reading and _is_conf(node.value):
        module.conf_writes[key] = f"app.conf in {module.at(node)}"
    elif reading and any(base in last_name(node.value).lower() for base in _BASES):
        module.setting_reads[key].append(module.at(node))


def _is_conf(node: ast.expr) -> bool:
    return last_name(node) == "conf" or last_name(node).endswith("_conf")


def last_name(node: ast.AST) -> str:
    """``conf`` of ``self.app.conf``; empty where the expression ends in no name."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _absolute(module: str, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    loaded = sys.modules.get(module)
    parts = module.split(".")
    keep = len(parts) - node.level + (1 if hasattr(loaded, "__path__") else 0)
    return ".".join([*parts[:keep], *([node.module] if node.module else [])])
