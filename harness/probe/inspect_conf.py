"""The settings of an app: what is in force, from which line, and what Celery never reads."""

from __future__ import annotations

import inspect
import os
import re
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from celery.app.defaults import _TO_NEW_KEY, NAMESPACES, SETTING_KEYS, flatten

from harness.probe import config
from harness.probe.inspect_packages import owner
from harness.probe.inspect_plain import plain, shown
from harness.probe.inspect_project import Project
from harness.probe.inspect_task import FROM_CELERY
from harness.probe.interlock import Interlock

UNDECLARED = frozenset({
    "redis_backend_health_check_interval", "redis_backend_credential_provider", "redis_client_name",
    "result_backend_thread_safe", "dynamodb_endpoint_url", "firestore_project", "gcs_threadpool_maxsize",
    "cassandra_secure_bundle_path",
})  # fmt: skip
"""Settings that Celery 5.7 reads and does not declare in `celery.app.defaults`."""

INSTEAD = {
    "task_default_retry_delay": "the task option default_retry_delay",
    "task_max_retry_delay": "the task option retry_backoff_max",
    "task_retry_delay": "the task option default_retry_delay",
    "task_retry_jitter": "the task option retry_jitter",
    "task_retry_backoff": "the task option retry_backoff",
    "task_retry_backoff_max": "the task option retry_backoff_max",
    "task_default_max_retries": "the task option max_retries",
    "task_max_retries": "the task option max_retries",
    "task_autoretry_for": "the task option autoretry_for",
}
"""What people mean by settings that Celery has as options of a task only (celery/app/task.py)."""

_LIKE_CELERY = re.compile(r"(CELERY|CELERYD|CELERYBEAT|CELERYMON|BROKER)_")
_ENVIRONMENT = {"broker_url": "CELERY_BROKER_URL", "result_backend": "CELERY_RESULT_BACKEND"}


@dataclass(frozen=True, slots=True)
class Source:
    """One of the maps that an app's settings are looked up in, the strongest first."""

    values: Mapping[Any, Any]
    kind: str  # changes | object | dictionary
    module: str = ""
    owner: Any = None

    def origin(self, written: str, project: Project) -> str:
        """``CELERY_TASK_ACKS_LATE in Django settings myhours/settings.py:420``."""
        if self.kind != "object":
            return project.conf_write(written) or "app.conf, by a line that was not found"
        name = f"{self.owner.__qualname__}.{written}" if inspect.isclass(self.owner) else written
        where = project.assigned(self.module, name) or project.assigned(self.module, written)
        title = "Django settings" if self.module == os.environ.get("DJANGO_SETTINGS_MODULE") else "settings"
        return f"{written} in {title} {where or self.module}"


class Conf:
    """The settings of one app, with their sources."""

    def __init__(self, app: Any, project: Project) -> None:
        self.conf = app.conf
        self.project = project
        self.conf.finalize()
        self.prefix = str(getattr(self.conf, "prefix", "") or "")
        self.sources = [_source(values, place) for place, values in enumerate(self.conf.maps[:-1])]

    def in_force(self) -> dict[str, dict[str, Any]]:
        """Every setting that Celery knows, with value and origin."""
        return {name: self.setting(name) for name in sorted(SETTING_KEYS)}

    def types(self) -> dict[str, str]:
        """What Celery takes each setting that was given for: ``bool``, ``int``, ``string``, ..."""
        options = flatten(NAMESPACES)
        return {name: str(option.type) for name, option in options if self._found(name)}

    def setting(self, name: str) -> dict[str, Any]:
        """One setting, with value and origin; `CELERY_BROKER_URL` of the harness itself does not count."""
        variable = _ENVIRONMENT.get(name)
        if variable and os.environ.get(variable) and not _replaced(variable):
            return {"value": plain(os.environ[variable], name), "origin": f"environment variable {variable}"}
        found = self._found(name)
        if found:
            source, written = found[0]
            return {
                "value": plain(_get(source.values, written), name),
                "origin": source.origin(written, self.project),
            }
        return {"value": plain(_get(self.conf, name), name), "origin": FROM_CELERY}

    def origin(self, name: str) -> str:
        """Where the value in force of a setting comes from."""
        return str(self.setting(name)["origin"])

    def shadowed(self) -> list[dict[str, Any]]:
        """Settings that were given twice, to different values: the weaker one has no effect."""
        hidden = []
        for name in sorted(SETTING_KEYS):
            found = self._found(name)
            variable = _ENVIRONMENT.get(name, "")
            if found and os.environ.get(variable) and not _replaced(variable):
                source, written = found[0]
                value = plain(_get(source.values, written), name)
                if value != plain(os.environ[variable], name):
                    place = source.origin(written, self.project)
                    by = f"environment variable {variable}"
                    hidden.append({"name": name, "value": value, "origin": place, "by": by})
            for source, written in found[1:]:
                value = plain(_get(source.values, written), name)
                strong, strongly_written = found[0]
                if value != plain(_get(strong.values, strongly_written), name):
                    place = source.origin(written, self.project)
                    by = strong.origin(strongly_written, self.project)
                    hidden.append({"name": name, "value": value, "origin": place, "by": by})
        return hidden

    def unread(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Settings without effect, and settings that not Celery reads but the project or a package."""
        unknown, own = [], []
        settings_modules = {
            module.name
            for source in self.sources
            if source.module
            for module in self.project.family(source.module)
        }
        for source, written in self._strange():
            name = self._bare(written)
            entry = {
                "name": name,
                "written": written,
                "value": plain(_get(source.values, written), name),
                "origin": source.origin(written, self.project),
            }
            reader = self.project.setting_read({written, name}, settings_modules) or owner(written, name)
            if reader:
                own.append({**entry, "read_by": reader})
            else:
                unknown.append({**entry, "near": near(name), "why": self._why(written, name)})
        return unknown, own

    def _strange(self) -> Iterator[tuple[Source, str]]:
        for source in self.sources:
            for written in _keys(source):
                if source.kind == "object" and not self._is_claim(source, written):
                    continue
                if not self._is_read(written):
                    yield source, written

    def _is_claim(self, source: Source, written: str) -> bool:
        """Whether an attribute of a settings object is meant for Celery, and not a helper or Django's."""
        if (self.prefix and written.startswith(self.prefix)) or _LIKE_CELERY.match(written):
            return True
        if self.prefix or not written.islower() or not isinstance(source.owner, types.ModuleType | type):
            return False
        value = _get(source.values, written)
        if isinstance(value, types.ModuleType | type) or callable(value):
            return False
        modules = list(self.project.family(source.module))
        return any(written in m.assigned for m in modules) and not any(
            m.name_reads.get(written) for m in modules
        )

    def _is_read(self, written: str) -> bool:
        if written in SETTING_KEYS or written in _TO_NEW_KEY or written in UNDECLARED:
            return True
        if self.prefix and written.startswith(self.prefix):
            return self._bare(written) in SETTING_KEYS | UNDECLARED
        return written.startswith("_") or written == "deprecated_settings"

    def _bare(self, written: str) -> str:
        if self.prefix and written.startswith(self.prefix):
            return written[len(self.prefix) :].lower()
        return written

    def _why(self, written: str, name: str) -> str:
        bare = re.sub(r"^(celery|celeryd|celerybeat)_", "", written.lower())
        if (
            name == written
            and written.isupper()
            and (bare in SETTING_KEYS or written.lower() in SETTING_KEYS)
        ):
            return "it has a prefix, but config_from_object was given no namespace"
        return "Celery has no such setting"

    def _found(self, name: str) -> list[tuple[Source, str]]:
        """The sources that have a setting, the strongest first, each with the name as written there."""
        keys = self.conf._to_keys(name)
        hits = [[(source, key) for key in keys if key in source.values] for source in self.sources]
        return [places[0] for places in hits if places]


def near(name: str) -> str:
    """The nearest thing that Celery does read; empty where there is none."""
    bare = re.sub(r"^(celery|celeryd|celerybeat)_", "", name.lower())
    if bare in INSTEAD:
        return INSTEAD[bare]
    close = get_close_matches(bare, SETTING_KEYS, n=1, cutoff=0.75)
    return close[0] if close else ""


def _replaced(variable: str) -> bool:
    """Whether the harness itself has set the variable, so that it says nothing of the app."""
    if config.VARIABLE not in os.environ or variable not in Interlock.VARIABLES:
        return False
    return not config.read().keeps_environment


def _source(values: Any, place: int) -> Source:
    owner_of = getattr(values, "obj", None)
    if not hasattr(values, "obj"):
        return Source(values, "changes" if place == 0 else "dictionary")
    module = getattr(owner_of, "SETTINGS_MODULE", None) or getattr(owner_of, "__module__", None)
    if isinstance(owner_of, types.ModuleType):
        module = owner_of.__name__
    if not isinstance(module, str) or module == "django.conf":
        module = os.environ.get("DJANGO_SETTINGS_MODULE", "")
    return Source(values, "object", module, owner_of)


def _keys(source: Source) -> list[str]:
    try:
        return sorted(key for key in source.values if isinstance(key, str) and not key.startswith("__"))
    except Exception:
        return []


def _get(values: Mapping[Any, Any], key: str) -> Any:
    try:
        return values[key]
    except Exception as error:
        return f"unreadable: {shown(error)}"
