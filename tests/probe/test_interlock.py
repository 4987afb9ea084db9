"""The interlock: an app that points at production in every way reaches nothing but the stage."""

from __future__ import annotations

import importlib.util
import inspect as inspect_
import os
import re
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from harness.errors import InterlockError
from harness.inspection import inspect
from harness.warp import library
from tests.canary import Canary
from tests.driver import Driver, contract_for, opened

PSYCOPG = importlib.util.find_spec("psycopg") is not None
NEEDS_PSYCOPG = pytest.mark.skipif(not PSYCOPG, reason="needs the extra postgres")
SHOP = """
import asyncio, ctypes, http.client, os, smtplib, socket, sqlite3, struct, subprocess, sys, urllib.request
from contextlib import closing
from email.message import EmailMessage

import redis
import redis.asyncio
from celery import Celery
from celery.backends.redis import RedisBackend, SentinelBackend
from kombu import Connection

app = Celery("shop", broker="redis://127.0.0.1:CANARY/0", backend="redis://127.0.0.1:CANARY/1")
app.conf.update(broker_url="redis://localhost:CANARY/2", result_backend="redis://[::1]:CANARY/3")
app.conf.broker_write_url = "amqp://guest:secret@127.0.0.1:CANARY//"
app.conf.broker_read_url = "redis://:secret@127.0.0.1:CANARY/4"
app.conf.redis_backend_use_ssl = None

at_import = redis.from_url("redis://127.0.0.1:CANARY/5", decode_responses=True)
at_import.set("shop.opened", "yes")

@app.task(name="shop.plain")
def plain(n=0):
    return n

# What is replaced: it works, against the stage's own.

@app.task(name="shop.opened_at_import")
def opened_at_import():
    return at_import.get("shop.opened")

@app.task(name="shop.connection_of_the_app")
def connection_of_the_app():
    with app.connection("redis://127.0.0.1:CANARY/0") as connection:
        connection.ensure_connection(max_retries=1, timeout=60)
        return connection.connected

@app.task(name="shop.connection_of_kombu")
def connection_of_kombu():
    with Connection("amqp://guest@127.0.0.1:CANARY//") as connection:
        connection.ensure_connection(max_retries=1, timeout=60)
        return connection.connected

@app.task(name="shop.publish_elsewhere")
def publish_elsewhere():
    with app.connection("redis://127.0.0.1:CANARY/0") as connection:
        return plain.apply_async((7,), connection=connection).id

@app.task(name="shop.backend_of_its_own", backend=RedisBackend(app=app, url="redis://127.0.0.1:CANARY/6"))
def backend_of_its_own():
    return 1

@app.task(name="shop.sentinel_of_its_own", backend=SentinelBackend(
    app=app, url="sentinel://127.0.0.1:CANARY;sentinel://127.0.0.1:CANARY"))
def sentinel_of_its_own():
    return 1

@app.task(name="shop.redis_by_host")
def redis_by_host():
    own = []
    for host in ("127.0.0.1", "localhost", "::1"):
        with redis.Redis(host=host, port=CANARY, password="secret", decode_responses=True) as client:
            client.set("shop.host", host)
            own.append(client.get("shop.host"))
    return own

@app.task(name="shop.redis_by_url")
def redis_by_url():
    own = []
    for url in ("redis://127.0.0.1:CANARY", "rediss://localhost:CANARY/0", "unix:///tmp/CANARY.sock"):
        with redis.from_url(url, decode_responses=True) as client:
            client.set("shop.url", url)
            own.append(client.get("shop.url") == url)
    pool = redis.BlockingConnectionPool.from_url("redis://127.0.0.1:CANARY/0", decode_responses=True)
    with redis.Redis(connection_pool=pool) as client:
        own.append(client.get("shop.url") == url)
    pool.disconnect()
    return own

def mail(client):
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "shop@example.org", "boss@example.org", "sold"
    message.set_content("one")
    client.send_message(message)

@app.task(name="shop.mail")
def mail_plain():
    with smtplib.SMTP("127.0.0.1", CANARY, timeout=10) as client:
        client.starttls()
        client.login("shop", "secret")
        mail(client)

@app.task(name="shop.mail_secure")
def mail_secure():
    with smtplib.SMTP_SSL("localhost", CANARY, timeout=10) as client:
        mail(client)

@app.task(name="shop.outside_file")
def outside_file():
    with closing(sqlite3.connect("OUTSIDE")) as connection, connection:
        connection.execute("INSERT INTO sales VALUES (2)")
        return connection.execute("SELECT count(*) FROM sales").fetchone()[0]

# What cannot be replaced: it is refused.

@app.task(name="shop.by_http_client")
def by_http_client():
    http.client.HTTPConnection("127.0.0.1", CANARY, timeout=5).request("GET", "/")

@app.task(name="shop.by_urllib")
def by_urllib():
    urllib.request.urlopen("http://localhost:CANARY/", timeout=5)

@app.task(name="shop.by_socket")
def by_socket(host):
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as own:
        own.settimeout(5)
        own.connect((host, CANARY))

@app.task(name="shop.by_connect_ex")
def by_connect_ex():
    with socket.socket() as own:
        own.settimeout(5)
        own.connect_ex(("127.0.0.1", CANARY))

@app.task(name="shop.by_datagram")
def by_datagram():
    with socket.socket(type=socket.SOCK_DGRAM) as own:
        own.sendto(b"x", ("127.0.0.1", CANARY))

@app.task(name="shop.by_message")
def by_message():
    with socket.socket(type=socket.SOCK_DGRAM) as own:
        own.sendmsg([b"x"], [], 0, ("127.0.0.1", CANARY))

@app.task(name="shop.by_asyncio")
def by_asyncio():
    asyncio.run(asyncio.open_connection("127.0.0.1", CANARY))

@app.task(name="shop.by_asynchronous_redis")
def by_asynchronous_redis():
    async def ping():
        async with redis.asyncio.Redis(host="127.0.0.1", port=CANARY) as client:
            await client.ping()
    asyncio.run(ping())

@app.task(name="shop.by_name")
def by_name():
    socket.getaddrinfo("production.example", CANARY)

@app.task(name="shop.by_libc")
def by_libc():
    with socket.socket() as own:
        address = struct.pack("=HHIQ", socket.AF_INET, socket.htons(CANARY), socket.htonl(0x7F000001), 0)
        if ctypes.CDLL(None).connect(own.fileno(), address, len(address)):
            raise OSError("refused")

@app.task(name="shop.by_program")
def by_program():
    code = "import socket; socket.create_connection(('127.0.0.1', CANARY), 5)"
    subprocess.run([sys.executable, "-S", "-c", code], check=True, capture_output=True)

@app.task(name="shop.by_libpq")
def by_libpq():
    import psycopg
    psycopg.connect("host=127.0.0.1 port=CANARY user=shop connect_timeout=5")
"""


@pytest.fixture(scope="module")
def canary() -> Iterator[Canary]:
    """Production, for all tests of this file."""
    with Canary() as listening:
        yield listening


@pytest.fixture(autouse=True)
def untouched(canary: Canary) -> Iterator[None]:
    """What every test of this file says: nobody came."""
    yield
    assert canary.visits() == 0


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file of the user's, with one row."""
    path = tmp_path_factory.mktemp("outside") / "shop.sqlite3"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE sales (n INTEGER)")
        connection.execute("INSERT INTO sales VALUES (1)")
    return path


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, canary: Canary, outside: Path) -> Iterator[Driver]:
    """The app that points at production, on a stage; the user's environment points there as well."""
    url = f"redis://127.0.0.1:{canary.port}/7"
    text = SHOP.replace("CANARY", str(canary.port)).replace("OUTSIDE", str(outside))
    names = (
        "CELERY_BROKER_URL",
        "CELERY_BROKER_READ_URL",
        "CELERY_BROKER_WRITE_URL",
        "CELERY_RESULT_BACKEND",
    )
    environment = dict.fromkeys([*names, "CELERY_RESULT_BACKEND"], url)
    with opened(tmp_path_factory.mktemp("shop"), {"shop.py": text}, environment=environment) as driver:
        yield driver


def test_broker_and_result_backend_from_constructor_settings_and_environment_are_the_stage_s(
    shop: Driver,
) -> None:
    assert shop.result("shop.plain", 3) == 3
    verified = {event.source.partition(":")[0] for event in shop.events("interlock-verified")}
    assert verified == {"client", "worker", "child"}


@pytest.mark.parametrize(
    ("task", "value"),
    [
        ("shop.opened_at_import", "yes"),
        ("shop.connection_of_the_app", True),
        ("shop.connection_of_kombu", True),
        ("shop.redis_by_host", ["127.0.0.1", "localhost", "::1"]),
        ("shop.redis_by_url", [True, True, True, True]),
    ],
)
def test_connections_to_a_broker_and_to_redis_end_at_the_stage_s(
    task: str, value: object, shop: Driver
) -> None:
    assert shop.result(task) == value


def test_a_task_that_is_published_on_a_connection_of_its_own_is_run_by_the_stage(shop: Driver) -> None:
    assert shop.outcome(shop.result("shop.publish_elsewhere")).kind == "task-succeeded"


@pytest.mark.parametrize("task", ["shop.backend_of_its_own", "shop.sentinel_of_its_own"])
def test_a_result_backend_that_is_hard_coded_on_a_task_is_the_stage_s(task: str, shop: Driver) -> None:
    """It is the one whose results are looked for at the end, and the one that `results_gone` strikes."""
    assert shop.result(task) == 1
    (stored,) = shop.events("result-stored")[-1:]
    assert stored.get("status") == "SUCCESS"
    assert shop.world.result_exists(stored.get("key"))


@pytest.mark.parametrize("task", ["shop.mail", "shop.mail_secure"])
def test_mail_arrives_at_the_stage_s_own_server(task: str, shop: Driver) -> None:
    before = len(shop.events("alert-sent"))
    assert shop.outcome(shop.send(task)).kind == "task-succeeded"
    (sent,) = shop.events("alert-sent")[before:]
    assert (sent.get("to"), sent.get("subject")) == (["boss@example.org"], "sold")


def test_a_database_file_is_copied_and_the_user_s_own_stays_as_it_was(shop: Driver, outside: Path) -> None:
    assert shop.result("shop.outside_file") == 2
    with closing(sqlite3.connect(outside)) as connection:
        assert connection.execute("SELECT n FROM sales").fetchall() == [(1,)]


@pytest.mark.parametrize(
    ("task", "args", "function"),
    [
        ("shop.by_http_client", (), "by_http_client"),
        ("shop.by_urllib", (), "by_urllib"),
        ("shop.by_connect_ex", (), "by_connect_ex"),
        ("shop.by_datagram", (), "by_datagram"),
        ("shop.by_message", (), "by_message"),
        ("shop.by_asyncio", (), "by_asyncio"),
        ("shop.by_asynchronous_redis", (), "by_asynchronous_redis"),
        ("shop.by_name", (), "by_name"),
        *(
            ("shop.by_socket", (host,), "by_socket")
            for host in ("127.0.0.1", "localhost", "::1", "::ffff:127.0.0.1", "0.0.0.0", "127.1")
        ),
    ],
)
def test_what_cannot_be_replaced_is_refused_and_the_line_is_named(
    task: str, args: tuple[str, ...], function: str, shop: Driver, canary: Canary
) -> None:
    before = len(shop.events("interlock-refused"))
    end = shop.outcome(shop.send(task, *args))
    assert end.kind == "task-failed", "an app that looks away is refused all the same, but none here does"
    refused = shop.events("interlock-refused")[before:]
    assert refused
    assert all(str(canary.port) in event.get("address") for event in refused)
    assert all(event.source.startswith("child:main:") for event in refused)
    line = refused[0].get("line")
    assert "/shop.py:" in line
    assert line.endswith(f"in {function}") or function.endswith("redis")
    with pytest.raises(InterlockError, match="which the stage did not start"):
        shop.world.check_interlock()


@pytest.mark.parametrize(
    "task", ["shop.by_libc", "shop.by_program", pytest.param("shop.by_libpq", marks=NEEDS_PSYCOPG)]
)
def test_a_connection_below_python_is_refused_as_well(task: str, shop: Driver, canary: Canary) -> None:
    if library.find() is None:
        pytest.skip(library.why_missing())
    record = shop.world.folder / "refused"
    before = len(record.read_text().splitlines()) if record.exists() else 0
    assert shop.outcome(shop.send(task)).kind == "task-failed"
    assert record.read_text().splitlines()[before].endswith(f" 127.0.0.1:{canary.port}")
    with pytest.raises(InterlockError):
        shop.world.check_interlock()


def test_without_warp_nothing_below_python_gets_out_either(tmp_path: Path, canary: Canary) -> None:
    if library.find() is None:
        pytest.skip(library.why_missing())
    text = SHOP.replace("CANARY", str(canary.port)).replace("OUTSIDE", str(tmp_path / "outside"))
    with opened(tmp_path, {"shop.py": text}, warp="off") as shop:
        assert shop.world.warp == "off"
        tasks = ["shop.by_libc", "shop.by_program", *(["shop.by_libpq"] if PSYCOPG else [])]
        for count, task in enumerate(tasks, start=1):
            assert shop.outcome(shop.send(task)).kind == "task-failed"
            refused = (shop.world.folder / "refused").read_text().splitlines()
            assert len(refused) >= count
            assert all(line.endswith(f" 127.0.0.1:{canary.port}") for line in refused)
        assert shop.result("shop.opened_at_import") == "yes"
        assert not shop.events("interlock-note"), "the guard is there"
        with pytest.raises(InterlockError):
            shop.world.check_interlock()


def test_where_the_library_is_missing_the_run_says_what_is_not_held_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platform.libc_ver", lambda: ("musl", "1.2"))
    library.find.cache_clear()
    library._search.cache_clear()
    try:
        with opened(tmp_path, {"shop.py": PLAIN.format(imports="", line="")}) as shop:
            assert shop.world.warp == "off"
            (note,) = shop.events("interlock-note")
            assert "C libraries" in note.get("text")
            assert note.get("text").endswith(library.why_missing())
    finally:
        library.find.cache_clear()
        library._search.cache_clear()


def test_localhost_is_no_stranger_where_the_stage_listens(shop: Driver) -> None:
    """``localhost`` may be ``::1`` first; nobody is there, and 127.0.0.1 is tried next."""
    record = shop.world.folder / "refused"
    before = record.read_text() if record.exists() else ""
    host, port = shop.inner.cache.address
    code = (
        f"import socket; assert socket.socket(socket.AF_INET6).connect_ex(('::1', {port})); "
        f"socket.create_connection(('localhost', {port}), 5)"
    )
    environment = {**os.environ, **shop.inner.launcher.environment, "LD_PRELOAD": library.preload(os.environ)}
    subprocess.run([sys.executable, "-S", "-c", code], env=environment, check=True, timeout=100)
    assert (record.read_text() if record.exists() else "") == before
    assert host == "127.0.0.1"


DJANGO = """
import os
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings")
from celery import Celery
app = Celery("store")
app.config_from_object("django.conf:settings", namespace="CELERY")

@app.task(name="store.sell")
def sell():
    from django.contrib.auth.models import User
    from django.core.cache import caches
    from django.core.mail import send_mail
    User.objects.create(username="first")
    User.objects.using("archive").create(username="second")
    for alias in ("default", "memcached"):
        caches[alias].set("sold", alias)
    send_mail("sold", "one", "shop@example.org", ["boss@example.org"])
    return [User.objects.count(), caches["default"].get("sold"), caches["memcached"].get("sold")]
"""
SETTINGS = """
SECRET_KEY = "x"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes"]
POSTGRES = {"ENGINE": "django.db.backends.postgresql", "NAME": "shop", "USER": "shop", "PASSWORD": "secret",
            "HOST": "127.0.0.1", "PORT": CANARY, "CONN_MAX_AGE": 60, "OPTIONS": {"connect_timeout": 5}}
DATABASES = {"default": POSTGRES, "archive": {**POSTGRES, "NAME": "archive", "HOST": "localhost"}}
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "KEY_PREFIX": "shop",
                "LOCATION": "redis://127.0.0.1:CANARY/1"},
    "memcached": {"BACKEND": "django.core.cache.backends.memcached.PyMemcacheCache", "KEY_PREFIX": "m",
                  "LOCATION": "127.0.0.1:CANARY"},
}
EMAIL_HOST, EMAIL_PORT, EMAIL_USE_TLS, EMAIL_HOST_USER = "127.0.0.1", CANARY, True, "shop"
CELERY_BROKER_URL = "amqp://guest:secret@127.0.0.1:CANARY//"
CELERY_RESULT_BACKEND = "redis://127.0.0.1:CANARY/1"
"""


def test_databases_caches_and_mail_of_django_are_the_stage_s(tmp_path: Path, canary: Canary) -> None:
    pytest.importorskip("django")
    files = {"store.py": DJANGO, "settings.py": SETTINGS.replace("CANARY", str(canary.port))}
    with opened(tmp_path, files, contract_for("store.*"), "store:app") as store:
        assert store.result("store.sell") == [1, "default", "memcached"]
        assert {row["username"] for row in store.world.database.rows("auth_user")} == {"first", "second"}
        (mail,) = store.events("alert-sent")
        assert mail.get("to") == ["boss@example.org"]
        assert len(store.world.cache_entries("*sold")) == 2
        store.world.check_interlock()
    assert not list(tmp_path.glob("*.sqlite3"))


def test_a_setting_that_is_put_back_after_all_is_refused_with_its_address_said_once(
    tmp_path: Path, canary: Canary
) -> None:
    pytest.importorskip("django")
    (tmp_path / "settings.py").write_text(SETTINGS.replace("CANARY", str(canary.port)), encoding="utf-8")
    after = "from django.conf import settings\nsettings.EMAIL_HOST = 'mail.example'\n"
    (tmp_path / "store.py").write_text(DJANGO + after, encoding="utf-8")
    with pytest.raises(InterlockError) as refused:
        inspect("store:app", tmp_path)
    said = r"The app would reach mail\.example:\d+, which the stage did not start: EMAIL_HOST\."
    assert re.match(said, str(refused.value))


PLAIN = """
import os
{imports}
from celery import Celery
app = Celery("shop", broker="redis://127.0.0.1:1/0")
{line}
"""


@pytest.mark.parametrize(
    ("imports", "line", "blame"),
    [
        (
            "import urllib.request",
            "urllib.request.urlopen('http://127.0.0.1:CANARY/', timeout=5)",
            r"shop\.py:6 in <module>",
        ),
        ("import socket", "socket.create_connection(('localhost', CANARY), 5)", r"shop\.py:6 in <module>"),
        (
            "import socket",
            "socket.create_connection(('127.0.0.1', int(os.environ['FLAGS'].rpartition(':')[2])), 5)",
            "environment variable FLAGS",
        ),
        (
            "import socket",
            "app.conf.flags = 'http://127.0.0.1:CANARY/'\nsocket.create_connection(('127.0.0.1', CANARY), 5)",
            r"app\.conf\.flags",
        ),
        pytest.param(
            "import psycopg",
            "psycopg.connect('host=127.0.0.1 port=CANARY connect_timeout=5')",
            "C library",
            marks=NEEDS_PSYCOPG,
        ),
        ("import socket", "socket.gethostbyname('flags.example')", r"shop\.py:6 in <module>"),
    ],
)
def test_an_app_that_reaches_out_when_it_is_imported_is_refused_with_what_points_there(
    imports: str,
    line: str,
    blame: str,
    tmp_path: Path,
    canary: Canary,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if "C library" in blame and library.find() is None:
        pytest.skip(library.why_missing())
    if "FLAGS" in blame:
        monkeypatch.setenv("FLAGS", f"http://127.0.0.1:{canary.port}")
    text = PLAIN.format(imports=imports, line=line).replace("CANARY", str(canary.port))
    (tmp_path / "shop.py").write_text(text, encoding="utf-8")
    with pytest.raises(InterlockError, match=blame) as refused:
        inspect("shop:app", tmp_path)
    assert refused.value.exit_status == 2
    assert "which the stage did not start" in str(refused.value)


def test_an_app_that_needs_its_broker_and_its_cache_at_import_can_be_looked_at(
    tmp_path: Path, canary: Canary
) -> None:
    (tmp_path / "shop.py").write_text(SHOP.replace("CANARY", str(canary.port)), encoding="utf-8")
    publishing = """
        from shop import app, at_import, plain
        assert at_import.get("shop.opened") == "yes"
        plain.delay(1)
        plain.apply_async((2,), countdown=5)
    """
    (tmp_path / "market.py").write_text(inspect_.cleandoc(publishing), encoding="utf-8")
    assert "shop.plain" in inspect("market:app", tmp_path).tasks


def test_an_app_that_swallows_the_refusal_is_refused_all_the_same(tmp_path: Path, canary: Canary) -> None:
    line = "try: socket.create_connection(('127.0.0.1', CANARY), 5)\nexcept OSError: pass"
    text = PLAIN.format(imports="import socket", line=line).replace("CANARY", str(canary.port))
    (tmp_path / "shop.py").write_text(text, encoding="utf-8")
    with pytest.raises(InterlockError, match=r"shop\.py:6"):
        inspect("shop:app", tmp_path)


def test_the_canary_sings(canary: Canary) -> None:
    """Whoever reaches it is counted: the silence of the other tests says something."""
    for host in ("127.0.0.1", "::1"):
        socket.create_connection((host, canary.port), 5).close()
    with socket.socket(type=socket.SOCK_DGRAM) as own:
        own.sendto(b"x", ("127.0.0.1", canary.port))
    assert canary.visits() == 3
