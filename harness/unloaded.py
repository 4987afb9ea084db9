"""The files of a project that the app does not load: some send its tasks, some declare tasks in vain."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness.sources import Sources

DECORATOR = re.compile(r"^[ \t]*@(?:\w+\.)*(?:shared_task|(?:app|celery|celery_app)\.task)\b", re.MULTILINE)
SENDS = re.compile(r"\.(?:delay|apply_async|send_task|signature|s|si)\(")
APP = re.compile(r"\bCelery\(")
FILES_LIMIT = 5000
SIZE_LIMIT = 1_000_000
_SKIPPED = re.compile(r"(^|/)(tests?|test_\w+|\w+_test|conftest|migrations|build|dist)([/.]|$)")
_FOREIGN = frozenset({"node_modules", "site-packages", "__pycache__"})


@dataclass(frozen=True, slots=True)
class Unloaded:
    """What lies below the app's folder and is not loaded; files of tests are left out.

    `callers` are files that send tasks, by shown name, without those that make a Celery app of their own.
    `strays` are files that declare tasks and that no line of the project names, with the line of the first.
    """

    callers: Mapping[str, str] = field(default_factory=dict)
    strays: Mapping[str, int] = field(default_factory=dict)


def unloaded(workdir: Path, sources: Sources) -> Unloaded:
    """Read the folder, at most `FILES_LIMIT` files of it."""
    loaded = {os.path.realpath(path) for path in sources.paths.values()}
    texts = {path: text for path in _files(workdir) if (text := _text(path))}
    said = "\n".join(texts.values())
    callers, strays = {}, {}
    for path, text in texts.items():
        shown = path.relative_to(workdir).as_posix()
        if os.path.realpath(path) in loaded or _SKIPPED.search(shown):
            continue
        if SENDS.search(text) and not APP.search(text):
            callers[shown] = str(path)
        declared = DECORATOR.search(text)
        if declared is not None and not _named(shown, said):
            strays[shown] = text.count("\n", 0, declared.start()) + 1
    return Unloaded(callers, strays)


def _named(shown: str, said: str) -> bool:
    """Whether any line imports the module, or has its name in a string: somebody else loads it."""
    module = shown.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    package, _, name = module.rpartition(".")
    forms = [re.escape(module)]
    if package:
        forms.append(rf"from\s+{re.escape(package)}\s+import\s[^#\n]*\b{re.escape(name)}\b")
        forms.append(rf"from\s+\.\s+import\s[^#\n]*\b{re.escape(name)}\b")
    return re.search("|".join(rf"(?<![\w.]){form}\b" for form in forms), said) is not None


def _files(workdir: Path) -> Iterator[Path]:
    count = 0
    for folder, folders, names in os.walk(workdir):
        folders[:] = sorted(name for name in folders if not _foreign(Path(folder) / name))
        for name in sorted(names):
            if name.endswith(".py") and count < FILES_LIMIT:
                count += 1
                yield Path(folder) / name


def _foreign(folder: Path) -> bool:
    return folder.name.startswith(".") or folder.name in _FOREIGN or (folder / "pyvenv.cfg").exists()


def _text(path: Path) -> str:
    try:
        return "" if path.stat().st_size > SIZE_LIMIT else path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
