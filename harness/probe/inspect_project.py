"""The project under test as far as it is loaded: which of its lines sets a name, and which reads it."""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.probe.inspect_source import Function, Module, index

MODULE_LIMIT = 3000
SIZE_LIMIT = 1_000_000

_HARNESS = Path(__file__).resolve().parent.parent
_LIBRARY = str(Path(os.__file__).parent) + os.sep
_LIBRARY_RESOLVED = Path(os.__file__).resolve().parent


class Project:
    """The modules that were loaded from the project's own folders."""

    def __init__(self, app: Any) -> None:
        self.roots = _roots(app)
        self.modules: dict[str, Module] = {}
        self.paths: dict[str, Module] = {}
        for name, loaded in sorted(sys.modules.items())[: MODULE_LIMIT * 10]:
            path = _own(getattr(loaded, "__file__", None), self.roots)
            if path is None or str(path) in self.paths or len(self.modules) >= MODULE_LIMIT:
                continue
            tree = _parsed(path)
            if tree is not None:
                module = Module(name, self.display(path), tree)
                index(module)
                self.modules[name] = self.paths[str(path)] = module

    def display(self, path: Path | str) -> str:
        """The path as people write it: from the folder that the app was started in."""
        for root in self.roots:
            if Path(path).is_relative_to(root):
                return str(Path(path).relative_to(root))
        return "/".join(Path(path).parts[-2:])

    def sources(self) -> dict[str, str]:
        """The file of each module of the project, by the name under which it is shown."""
        return {module.file: path for path, module in self.paths.items()}

    def file_of(self, module: str) -> str:
        """The shown file of a module; empty where the project has none of that name."""
        return self.modules[module].file if module in self.modules else ""

    def conf_write(self, name: str) -> str | None:
        """``app.conf.update in myhours/celery.py:135``, as far as source shows it."""
        for module in self.modules.values():
            if name in module.conf_writes:
                return module.conf_writes[name]
        return self.dict_key(name, prefix="app.conf.update with ")

    def dict_key(self, name: str, *, prefix: str = "") -> str | None:
        """Where a dictionary of the project has this key."""
        places = [module.dict_keys[name] for module in self.modules.values() if name in module.dict_keys]
        return f"{prefix}{places[0]}" if places else None

    def assigned(self, module: str, name: str) -> str | None:
        """Where a settings module, or one that it star-imports, sets the name; the last one counts."""
        for candidate in self.family(module):
            if name in candidate.assigned:
                return candidate.assigned[name]
        return None

    def family(self, module: str) -> Iterator[Module]:
        """A module and those that it star-imports, the module first."""
        seen: set[str] = set()
        queue = [module]
        while queue:
            name = queue.pop(0)
            if name in self.modules and name not in seen:
                seen.add(name)
                yield self.modules[name]
                queue += reversed(self.modules[name].stars)

    def setting_read(self, names: set[str], settings_modules: set[str]) -> str | None:
        """Where the project itself reads one of these names as a setting; None where it never does."""
        for name, module in self.modules.items():
            reads = module.name_reads if name in settings_modules else module.setting_reads
            for wanted in sorted(names):
                if reads.get(wanted):
                    return reads[wanted][0]
        return None

    def reads_attribute(self, name: str) -> bool:
        """Whether any module of the project reads an attribute of this name."""
        return any(module.attribute_reads.get(name) for module in self.modules.values())

    def function(self, code: Any) -> tuple[Module, Function] | None:
        """The syntax tree of a function, by its code object."""
        try:
            module = self.paths.get(str(Path(code.co_filename).resolve()))
        except (AttributeError, OSError, ValueError):
            return None
        if module is None or code.co_firstlineno not in module.functions:
            return None
        return module, module.functions[code.co_firstlineno]

    def class_attribute(self, kind: type, name: str) -> str | None:
        """Where the body of a class sets an attribute."""
        module = self.modules.get(kind.__module__)
        if module is None:
            return None
        return module.assigned.get(f"{kind.__qualname__.rpartition('.')[2]}.{name}")


def _roots(app: Any) -> tuple[Path, ...]:
    """The working directory, and the folder that holds the app's outermost package."""
    roots = [Path.cwd().resolve()]
    loaded = sys.modules.get(str(getattr(app, "main", "") or "").partition(".")[0])
    file = getattr(loaded, "__file__", None)
    if file:
        path = Path(file).resolve()
        roots.append(path.parent.parent if path.name == "__init__.py" else path.parent)
    return tuple(dict.fromkeys(roots))


def _own(file: str | None, roots: tuple[Path, ...]) -> Path | None:
    """The path of a module of the project; None for the library, installed packages and the harness."""
    if not file or not file.endswith(".py") or "/site-packages/" in file or "/dist-packages/" in file:
        return None
    if file.startswith(_LIBRARY):
        return None
    path = Path(os.path.realpath(file))
    if path.is_relative_to(_HARNESS) or {"site-packages", "dist-packages"} & set(path.parts):
        return None
    if path.is_relative_to(_LIBRARY_RESOLVED):
        return None
    return path if any(path.is_relative_to(root) for root in roots) else None


def _parsed(path: Path) -> ast.Module | None:
    try:
        if path.stat().st_size > SIZE_LIMIT:
            return None
        return ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError):
        return None
