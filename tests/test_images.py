"""Images: pulled ones stay what they were, and an image of the user's own runs the worker."""

from __future__ import annotations

import hashlib
import io
import json
import os
import sys
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from harness import engine, history, image_lock, images
from harness.cli import harness as command
from harness.contract_file import loads
from harness.errors import StageError, UsageError
from harness.stage import StageSettings
from harness.stages.containers import Containers, chosen

CONTRACT = """
[tiers.all]
tasks = ["shop.*"]
queue = "celery"

[workers.one]
queues = ["celery"]
"""
APP = """
from celery import Celery

app = Celery("shop")


@app.task(name="shop.where")
def where():
    return __file__
"""
NEEDED = (
    *("celery", "kombu", "amqp", "vine", "billiard", "redis", "click", "click-didyoumean", "click-repl"),
    *(
        "click-plugins",
        "prompt-toolkit",
        "wcwidth",
        "python-dateutil",
        "six",
        "tzdata",
        "packaging",
        "tzlocal",
    ),
    *("typing-extensions", "exceptiongroup"),
)
"""What Celery with Redis is made of, in any of its versions."""
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    """The engine, where there is one; ``CELERY_HARNESS_CONTAINERS`` makes it a must."""
    found = engine.available()
    if not found.ok:
        text = f"{found.why}: {found.remedy}"
        pytest.fail(text) if os.environ.get("CELERY_HARNESS_CONTAINERS") else pytest.skip(text)
    made = engine.connect()
    yield made
    made.close()


class Registry:
    """A registry with one image, of which a test says what is in it."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}
        self.manifest = b""

    def put(self, text: str) -> str:
        """The tag is moved to an image with this text in it; its digest."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            entry = tarfile.TarInfo("text")
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))
        layer = buffer.getvalue()
        config = json.dumps(
            {
                "architecture": "amd64", "os": "linux", "config": {},
                "rootfs": {"type": "layers", "diff_ids": [self._keep(layer)]},
            }
        ).encode()  # fmt: skip
        kinds = (
            "application/vnd.docker.container.image.v1+json",
            "application/vnd.docker.image.rootfs.diff.tar",
        )
        self.manifest = json.dumps(
            {
                "schemaVersion": 2, "mediaType": MANIFEST,
                "config": {"mediaType": kinds[0], "size": len(config), "digest": self._keep(config)},
                "layers": [{"mediaType": kinds[1], "size": len(layer), "digest": self._keep(layer)}],
            }
        ).encode()  # fmt: skip
        return self._keep(self.manifest)

    def _keep(self, blob: bytes) -> str:
        digest = f"sha256:{hashlib.sha256(blob).hexdigest()}"
        self.blobs[digest] = blob
        return digest


@pytest.fixture
def registry() -> Iterator[tuple[Registry, str]]:
    """A registry on a loopback port, which engines take without TLS, and its address."""
    held = Registry()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            last = self.path.rpartition("/")[2]
            body = held.blobs.get(last, held.manifest if "/manifests/" in self.path else b"{}")
            self.send_response(200)
            if "/manifests/" in self.path:
                self.send_header("Content-Type", MANIFEST)
                self.send_header("Docker-Content-Digest", f"sha256:{hashlib.sha256(body).hexdigest()}")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        def do_HEAD(self) -> None:
            self.do_GET()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield held, f"127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def own_names(monkeypatch: pytest.MonkeyPatch, client: Any) -> Iterator[None]:
    """Names of this test's own, so that images that are really used keep theirs."""
    monkeypatch.setattr(images, "REPOSITORY", "celery-harness-test")
    yield
    for image in client.images(name="celery-harness-test/*"):
        for tag in image["RepoTags"] or ():
            client.remove_image(tag, force=True)


def test_what_was_pulled_is_pulled_again_when_its_tag_has_moved(
    client: Any, registry: tuple[Registry, str], own_names: None, tmp_path: Path
) -> None:
    held, address = registry
    lock = tmp_path / "reports" / "images.lock.toml"
    wanted = [f"redis={address}/library/redis:7"]
    first = held.put("the first")
    assert first in next(image_lock.pull(client, wanted, lock))
    assert image_lock.read(lock)["redis"] == {"reference": f"{address}/library/redis:7", "digest": first}
    second = held.put("the second")
    assert first in next(image_lock.pull(client, wanted, lock))
    image = images.find(client, "redis", ["official"])
    assert image_lock.check(client, image, lock) == image
    other = f"redis={address}/library/redis@{second}"
    assert second in next(image_lock.pull(client, [other], tmp_path / "other.toml"))
    with pytest.raises(StageError, match=r"is not the image that .* names for redis"):
        image_lock.check(client, images.find(client, "redis", ["official"]), lock)


def test_official_images_are_named_by_digest_where_it_is_known() -> None:
    pinned = [role for role, reference in images.OFFICIAL.items() if "@sha256:" in reference]
    assert pinned == ["redis", "rabbitmq", "postgres"]


def test_a_damaged_lock_file_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "images.lock.toml"
    path.write_text("redis = 7", encoding="utf-8")
    with pytest.raises(UsageError, match="cannot be read"):
        image_lock.read(path)


def test_an_image_that_is_not_there_is_told_before_anything_starts(client: Any) -> None:
    with pytest.raises(StageError, match="There is no image shop:1 here"):
        chosen(client, "redis", {"worker": "shop:1"})
    with pytest.raises(UsageError, match="No image plays 'wroker'"):
        chosen(client, "redis", {"wroker": "shop:1"})


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--worker-image", "shop:1"], "stage processes has no images"),
        (["--worker-image", "shop:1", "--stage", "containers"], "no contract can be drafted"),
    ],
)
def test_an_image_of_one_s_own_needs_containers_and_a_contract(
    words: list[str], said: str, tmp_path: Path
) -> None:
    result = CliRunner().invoke(command, ["verify", "-A", "shop:app", "--workdir", str(tmp_path), *words])
    assert said in result.output
    assert result.exit_code == 2


@pytest.fixture
def shop_image(client: Any) -> Iterator[str]:
    """Debian's Python with Celery and an app in it, and nothing of the harness."""
    if not client.images(name=images.tag_of("python", "debian"), quiet=True):
        pytest.skip("there is no Python of Debian: celery-harness images build python")
    reference = "celery-harness-test/shop:1"
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, text in (
            ("Dockerfile", f"FROM {images.tag_of('python', 'debian')}\nCOPY root /\nWORKDIR /srv/shop\n"),
            ("root/srv/shop/shop.py", APP),
            # redis-py asks for it before Python 3.11.3 (redis/asyncio/connection.py)
            ("root/usr/lib/python3/dist-packages/async_timeout.py", "from asyncio import timeout\n"),
        ):
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))
        for name in NEEDED:
            try:
                found = metadata.distribution(name)
            except metadata.PackageNotFoundError:
                continue
            for each in found.files or ():
                path = Path(str(found.locate_file(each)))
                if ".." not in each.parts and path.is_file() and path.suffix != ".pyc":
                    archive.add(path, f"root/usr/lib/python3/dist-packages/{each}")
    buffer.seek(0)
    said = list(client.build(fileobj=buffer, custom_context=True, tag=reference, rm=True, decode=True))
    assert not [line["error"] for line in said if "error" in line]
    yield reference
    client.remove_image(reference, force=True)


def test_workers_run_in_an_image_of_the_user_s_own(client: Any, shop_image: str, tmp_path: Path) -> None:
    """The app, Celery and Python are the image's; the probe is mounted into it."""
    settings = StageSettings("shop:app", loads(CONTRACT), tmp_path, images=(("worker", shop_image),))
    with Containers.open(settings) as world:
        task_id = world.send("shop.where", [], {})
        assert world.advance(
            lambda: any(e.kind == "task-succeeded" and e.task_id == task_id for e in world.events()),
            within_s=300,
        )
        worker: Any = world.workers["one"]
        root = Path(f"/proc/{worker.pid}/root")
        assert (root / "srv/shop/shop.py").exists()
        assert Path(f"/proc/{worker.pid}/exe").readlink().is_relative_to("/usr/bin")
        assert not Path(f"{root}{sys.prefix}").exists(), "this environment can be seen in the image"
        assert world.tasks == ("shop.where",)
        assert world.versions["image of the worker"].startswith(shop_image)


def test_a_run_in_an_image_of_the_user_s_own_is_replayed_in_it(shop_image: str, tmp_path: Path) -> None:
    """The stored run says which it was."""
    (tmp_path / "contract.toml").write_text(CONTRACT, encoding="utf-8")
    words = ["-A", "shop:app", "--workdir", str(tmp_path), "--reports", str(tmp_path / "reports")]
    words += ["--stage", "containers", "--worker-image", shop_image, "--only", "queue_used", "--quiet"]
    first = CliRunner().invoke(command, ["verify", *words])
    (stored,) = (tmp_path / "reports").glob("*/*/history.jsonl")
    second = CliRunner().invoke(command, ["replay", str(stored.parent), "--quiet"])
    assert second.exit_code == first.exit_code, second.output
    headers = [history.read(path).header for path in (tmp_path / "reports").glob("*/*/history.jsonl")]
    assert [header.images for header in headers] == [{"worker": shop_image}] * 2
    assert len({header.versions["image of the worker"] for header in headers}) == 1
