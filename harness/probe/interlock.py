"""Puts the stage's own broker, result backend, cache, database and mail in the place of the app's.

Whatever the source of an address (environment, Django settings, ``conf.update`` after the fact, a URL
on a task or a connection), it is replaced where it is used:

* broker: `kombu.Connection.__init__`, through which every broker connection goes;
* result backend: `celery.app.backends.by_url`, which turns every setting into a backend, and
  `RedisBackend.__init__`, for an instance that a task brings along;
* Redis: `redis.ConnectionPool.__init__` and `redis.connection.Connection.__init__`;
* Django: ``DATABASES``, ``CACHES`` and ``EMAIL_*`` when its settings are first read;
* mail: `smtplib.SMTP.connect`; SQLite files: `sqlite3.connect`.

What slips through is refused by `harness.probe.guard`. `verify` looks at the loaded app afterwards
and says what it would reach.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from harness.probe.config import ProbeConfig

LOCAL_CACHES = ("LocMemCache", "DummyCache")
"""Caches that reach nothing; they stay, because their semantics are part of what is judged."""

LOCAL_RESULTS = ("disabled", "rpc", "django-db", "django-cache", "cache+memory", "in-memory")
"""Result backends that go through the broker, or through something that is replaced elsewhere."""


class Interlock:
    """The replacement of everything outside, in this process and those forked from it."""

    VARIABLES = ("CELERY_BROKER_URL", "CELERY_BROKER_READ_URL", "CELERY_BROKER_WRITE_URL")
    """What Celery reads before any setting (`celery/app/utils.py`); it names the stage's broker."""

    def __init__(self, config: ProbeConfig, note: Callable[[str], None]) -> None:
        self.config = config
        self.note = note

    def install(self) -> None:
        """Before anything of the app is imported."""
        for name in () if self.config.keeps_environment else self.VARIABLES:
            os.environ[name] = self.config.broker_url
        self._kombu()
        self._results()
        self._redis()
        self._smtp()
        self._sqlite()
        self._watch_django()

    def _kombu(self) -> None:
        from kombu import connection

        cls: Any = connection.Connection
        original = cls.__init__
        url = self.config.broker_url

        def init(this: Any, hostname: Any = "localhost", *args: Any, **kwargs: Any) -> None:
            keep = {"connect_timeout", "transport_options", "heartbeat", "failover_strategy"}
            if isinstance(hostname, str) and hostname.startswith("memory://") and not args:
                original(this, hostname, **kwargs)  # tests inside the app; reaches nothing
                return
            kwargs = {name: value for name, value in kwargs.items() if name in keep}
            if "CELERY_HARNESS_CLOCK" in os.environ:
                # A jump of the shared clock is longer than any heartbeat; nobody would be there to answer.
                kwargs["heartbeat"] = 0
            original(this, url, **kwargs)

        cls.__init__ = init

    def _results(self) -> None:
        from celery.app import backends

        original = backends.by_url
        url = self.config.result_url

        def by_url(backend: Any = None, loader: Any = None) -> Any:
            name = backend if isinstance(backend, str) else ""
            if not backend or name.startswith(LOCAL_RESULTS):
                return original(backend, loader)
            if name and not name.startswith(("redis", "rediss", "sentinel", "valkey")):
                self.note(f"the result backend {name.partition(':')[0]} was replaced by Redis")
            return original(url, loader)

        backends.by_url = by_url
        self._own_results()

    def _own_results(self) -> None:
        try:
            from celery.backends import redis
        except ImportError:
            return
        kind, sentinel = redis.RedisBackend, redis.SentinelBackend
        original = kind.__init__
        url = self.config.result_url

        def init(
            this: Any, host: Any = None, port: Any = None, db: Any = None, password: Any = None,
            max_connections: Any = None, *_: Any, **kwargs: Any,
        ) -> None:  # fmt: skip
            for name in ("url", "connection_pool"):
                kwargs.pop(name, None)
            original(this, max_connections=max_connections, url=url, **kwargs)

        kind.__init__ = init
        # One server, which no sentinel guards (celery/backends/redis.py).
        sentinel._params_from_url, sentinel._get_pool = kind._params_from_url, kind._get_pool

    def _redis(self) -> None:
        try:
            from redis import connection
        except ImportError:
            return
        pool_cls: Any = connection.ConnectionPool
        cls: Any = connection.Connection
        original_pool, original = pool_cls.__init__, cls.__init__
        unlike = (connection.SSLConnection, connection.UnixDomainSocketConnection)

        def init_pool(
            this: Any, connection_class: Any = connection.Connection, *args: Any, **kw: Any
        ) -> None:
            if issubclass(connection_class, unlike):
                connection_class = connection.Connection
            original_pool(this, connection_class, *args, **self._own_redis(kw))

        def init(this: Any, host: Any = "localhost", port: Any = 6379, *args: Any, **kw: Any) -> None:
            own = self._own_redis({**kw, "host": host, "port": port})
            original(this, own.pop("host"), own.pop("port"), *args, **own)

        pool_cls.__init__ = init_pool
        cls.__init__ = init

    def _own_redis(self, kwargs: Mapping[str, Any]) -> dict[str, Any]:
        cache = urlsplit(self.config.cache_url)
        own = {k: v for k, v in kwargs.items() if not k.startswith("ssl") and k not in _CREDENTIALS}
        if self._foreign(own.get("host"), own.get("port", 6379)):
            own |= {"host": cache.hostname, "port": cache.port}
        return own

    def _foreign(self, host: Any, port: Any) -> bool:
        host = "127.0.0.1" if host in ("localhost", "::1", None) else host
        return (str(host), int(port or 0)) not in set(self.config.allowed)

    def _smtp(self) -> None:
        import smtplib

        original = smtplib.SMTP._get_socket  # type: ignore[attr-defined]
        host, port = self.config.mail

        def get_socket(this: Any, _host: Any, _port: Any, timeout: Any) -> Any:
            return original(this, host, port, timeout)

        smtp: Any = smtplib.SMTP
        secure: Any = smtplib.SMTP_SSL
        smtp._get_socket = secure._get_socket = get_socket
        smtp.starttls = lambda *args, **kwargs: (220, b"in the clear: the stage's own")
        smtp.login = lambda *args, **kwargs: (235, b"the stage asks nobody")

    def _sqlite(self) -> None:
        original = sqlite3.connect
        home = Path(self.config.folder).resolve()

        def connect(database: Any, *args: Any, **kwargs: Any) -> Any:
            return original(_moved(database, home), *args, **kwargs)

        sqlite3.connect = connect
        sqlite3.dbapi2.connect = connect

    def _watch_django(self) -> None:
        import importlib.util

        if importlib.util.find_spec("django") is None:
            return
        from django import conf

        settings_cls: Any = conf.Settings
        lazy_cls: Any = conf.LazySettings
        original, original_configure = settings_cls.__init__, lazy_cls.configure

        def init(this: Any, settings_module: str) -> None:
            original(this, settings_module)
            for name, value in django_overrides(this, self.config).items():
                setattr(this, name, value)

        def configure(this: Any, *args: Any, **options: Any) -> None:
            original_configure(this, *args, **options)
            for name, value in django_overrides(this, self.config).items():
                setattr(this, name, value)

        settings_cls.__init__ = init
        lazy_cls.configure = configure


_CREDENTIALS = frozenset({"username", "password", "credential_provider", "path"})


def django_overrides(settings: Any, config: ProbeConfig) -> dict[str, Any]:
    """Django settings that point at the stage, for settings that point anywhere."""
    databases = {}
    for alias in getattr(settings, "DATABASES", {}) or {}:
        template = config.databases.get(alias) or config.databases.get("*")
        if template is not None:
            databases[alias] = _filled(template, alias)
            _keep_options(databases[alias], settings.DATABASES[alias])
    caches = {}
    for alias, cache in (getattr(settings, "CACHES", {}) or {}).items():
        caches[alias] = dict(cache)
        backend = str(cache.get("BACKEND", ""))
        if backend.endswith("FileBasedCache"):
            caches[alias]["LOCATION"] = str(config.files / f"cache-{alias}")
        elif not backend.endswith(LOCAL_CACHES) and not backend.endswith("DatabaseCache"):
            caches[alias] |= {
                "BACKEND": "django.core.cache.backends.redis.RedisCache",
                "LOCATION": config.cache_url,
            }
            caches[alias].pop("OPTIONS", None)
    return {
        "DATABASES": databases,
        "CACHES": caches,
        "EMAIL_HOST": config.mail[0],
        "EMAIL_PORT": config.mail[1],
        "EMAIL_USE_TLS": False,
        "EMAIL_USE_SSL": False,
        "EMAIL_HOST_USER": "",
        "EMAIL_HOST_PASSWORD": "",
    }


def _keep_options(target: dict[str, Any], own: Mapping[str, Any]) -> None:
    """The app's own choices that concern behaviour, where the engine is the same."""
    for name in ("ATOMIC_REQUESTS", "AUTOCOMMIT", "CONN_MAX_AGE", "CONN_HEALTH_CHECKS"):
        if name in own:
            target[name] = own[name]
    if own.get("ENGINE") == target.get("ENGINE") and own.get("OPTIONS"):
        target["OPTIONS"] = {**own["OPTIONS"], **target.get("OPTIONS", {})}


def _filled(template: Any, alias: str) -> Any:
    if isinstance(template, str):
        return template.replace("{alias}", alias)
    if isinstance(template, Mapping):
        return {name: _filled(value, alias) for name, value in template.items()}
    return template


def _moved(database: Any, home: Path) -> Any:
    """The path of the stage's own copy of a SQLite file."""
    if not isinstance(database, str | bytes | os.PathLike):
        return database
    name = os.fsdecode(database)
    if name in (":memory:", "") or "mode=memory" in name or name.startswith("file::memory:"):
        return database
    path = Path(name.removeprefix("file:").partition("?")[0]).resolve()
    if path.is_relative_to(home):
        return database
    copy = home / "files" / "sqlite" / str(path).strip("/").replace("/", "-")
    if not copy.exists():
        copy.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            shutil.copyfile(path, copy)
    return name.replace(str(path), str(copy)) if name.startswith("file:") else str(copy)


def reaches(app: Any, config: ProbeConfig) -> list[tuple[str, str]]:
    """What the loaded app would still reach outside the stage: address and setting; empty is right."""
    found = []
    own = set(config.allowed)
    for name, connection in (("write", app.connection_for_write()), ("read", app.connection_for_read())):
        if (
            not connection.as_uri().startswith("memory://")
            and (connection.hostname, connection.port) not in own
        ):
            found.append((f"{connection.hostname}:{connection.port}", f"broker_url ({name})"))
    if "django.conf" in sys.modules and sys.modules["django.conf"].settings.configured:
        settings = sys.modules["django.conf"].settings
        expected = django_overrides(settings, config)
        for alias, entry in settings.DATABASES.items():
            if alias in expected["DATABASES"] and entry.get("NAME") != expected["DATABASES"][alias]["NAME"]:
                found.append((str(entry.get("HOST") or entry.get("NAME")), f"DATABASES[{alias!r}]"))
        if (settings.EMAIL_HOST, int(settings.EMAIL_PORT)) != tuple(config.mail):
            found.append((f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT}", "EMAIL_HOST"))
    return found
