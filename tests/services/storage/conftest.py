"""Real object stores on 127.0.0.1: moto's server (S3, Secrets Manager, KMS, and Google's XML) and Azurite.

`storage_servers.sh` installs them. Without them these tests skip, or fail with REELWORK_REQUIRE_SERVICES=1.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from email.utils import formatdate
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen
from uuid import uuid4

import pytest
from boto3.session import Session
from tests.ports import free_port

ROOT = Path(__file__).parents[3]
MOTO = ROOT / ".venv-moto" / "bin" / "moto_server"
AZURITE = ROOT / ".services" / "azurite" / "node_modules" / ".bin" / "azurite-blob"
START_SECONDS = 60
ACCOUNT = "devstoreaccount1"
# Azurite's well-known development key: https://learn.microsoft.com/azure/storage/common/storage-use-azurite
ACCOUNT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


class Server:
    """A server process that can be killed and started again on the same port."""

    def __init__(self, command: Callable[[int], Sequence[str | Path]], folder: Path, **environment: str) -> None:
        self.folder, self._command = folder, command
        self._environment = {"PATH": os.environ["PATH"], "HOME": str(folder), **environment}
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with (self.folder / "log.txt").open("ab") as log:
            self._process = subprocess.Popen(
                self._command(self.port), env=self._environment, cwd=self.folder, stdout=log, stderr=log
            )
        give_up = time.monotonic() + START_SECONDS
        while time.monotonic() < give_up and self._process.poll() is None:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            time.sleep(0.05)
        self.kill()
        raise AssertionError(f"the server did not start: {(self.folder / 'log.txt').read_text()[-2000:]}")

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(30)


def _installed(path: Path) -> Path:
    if not path.exists():
        missing = f"no server at {path}: run tests/services/storage_servers.sh"
        if os.environ.get("REELWORK_REQUIRE_SERVICES") == "1":
            pytest.fail(missing)
        pytest.skip(missing)
    return path


def _running(server: Server) -> Iterator[Server]:
    server.start()
    try:
        yield server
    finally:
        server.kill()


def _moto_command(port: int) -> Sequence[str | Path]:
    return [_installed(MOTO), "-H", "127.0.0.1", "-p", str(port)]


@pytest.fixture(scope="session")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    yield from _running(Server(_moto_command, tmp_path_factory.mktemp("moto")))


@pytest.fixture
def strict_moto(tmp_path: Path) -> Iterator[Server]:
    """A moto that checks credentials and permissions from its first request on."""
    yield from _running(Server(_moto_command, tmp_path, INITIAL_NO_AUTH_ACTION_COUNT="0"))


@pytest.fixture
def guarded_moto(tmp_path: Path) -> Iterator[Server]:
    """A moto that checks credentials, signatures and permissions of all but the first five requests."""
    yield from _running(Server(_moto_command, tmp_path, INITIAL_NO_AUTH_ACTION_COUNT="5"))


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Azurite, on disk: 200 MB a test would be a lot of memory."""
    folder = tmp_path_factory.mktemp("azurite")

    def command(port: int) -> Sequence[str | Path]:
        return [
            _installed(AZURITE), "--blobHost", "127.0.0.1", "--blobPort", str(port), "--location", folder,
            "--silent", "--skipApiVersionCheck", "--disableTelemetry",
        ]  # fmt: skip

    yield from _running(Server(command, folder))


class S3:
    """S3, looked at with boto3. Google's store speaks the same XML here, without its metadata headers."""

    def __init__(self, server: Server, kind: str, bucket: str = "clips") -> None:
        self.server, self.kind, self.bucket = server, kind, bucket
        self.scheme, self.keeps_metadata = ("s3", True) if kind == "s3" else ("gs", False)
        self.client: Any = Session().client(
            "s3", endpoint_url=f"http://127.0.0.1:{server.port}", aws_access_key_id="a",
            aws_secret_access_key="b", region_name="us-east-1",
        )  # fmt: skip

    def settings(self, port: int) -> dict[str, Any]:
        place = {
            "url": f"{self.scheme}://{self.bucket}/brand",
            "endpoint": f"http://127.0.0.1:{port}",
            "allow_http": True,
        }
        if self.kind == "gcs":
            return {**place, "token": "env:STORE_TOKEN"}
        return {**place, "access_key_id": "env:STORE_ID", "secret_access_key": "env:STORE_KEY"}

    def make(self) -> None:
        urlopen(Request(f"http://127.0.0.1:{self.server.port}/moto-api/reset", method="POST"), timeout=30).close()
        self.client.create_bucket(Bucket=self.bucket)

    def make_again(self) -> None:
        """After a kill: this server keeps everything in memory."""
        self.client.create_bucket(Bucket=self.bucket)

    def names(self) -> set[str]:
        return {entry["Key"] for entry in self.client.list_objects_v2(Bucket=self.bucket).get("Contents", [])}

    def put(self, key: str, data: bytes) -> None:
        self.client.put_object(Bucket=self.bucket, Key=key, Body=data)

    def get(self, key: str) -> dict[str, Any]:
        answer = self.client.get_object(Bucket=self.bucket, Key=key)
        digest, size = hashlib.sha256(), 0
        for chunk in answer["Body"].iter_chunks(1 << 20):
            digest.update(chunk)
            size += len(chunk)
        return {
            "sha256": digest.hexdigest(), "bytes": size, "type": answer["ContentType"],
            "metadata": answer["Metadata"], "written": (answer["LastModified"], answer["ETag"]),
        }  # fmt: skip

    def unfinished(self) -> list[Any]:
        return list(self.client.list_multipart_uploads(Bucket=self.bucket).get("Uploads", []))


class Azure:
    """Azure Blob Storage, looked at with requests signed here, by nobody's client."""

    kind, scheme, keeps_metadata, account_key = "azure", "az", True, ACCOUNT_KEY

    def __init__(self, server: Server) -> None:
        self.server, self.container = server, f"clips-{uuid4().hex}"

    def settings(self, port: int) -> dict[str, Any]:
        return {
            "url": f"az://{self.container}/brand", "endpoint": f"http://127.0.0.1:{port}/{ACCOUNT}",
            "allow_http": True, "account_name": ACCOUNT, "account_key": "env:STORE_KEY",
        }  # fmt: skip

    def make(self) -> None:
        assert self._ask("PUT", "", {"restype": "container"})[0].status == 201

    def make_again(self) -> None:
        """After a kill: this server writes its index every few seconds, and may have lost the container."""
        assert self._ask("PUT", "", {"restype": "container"})[0].status in (201, 409)

    def names(self) -> set[str]:
        answer, body = self._ask("GET", "", {"restype": "container", "comp": "list"})
        assert answer.status == 200
        return {part.partition("</Name>")[0] for part in body.decode().split("<Name>")[1:]}

    def put(self, key: str, data: bytes) -> None:
        assert self._ask("PUT", key, {}, data)[0].status == 201

    def get(self, key: str) -> dict[str, Any]:
        answer, body = self._ask("GET", key, {})
        assert answer.status == 200
        metadata = {
            name.lower()[len("x-ms-meta-") :]: value
            for name, value in answer.getheaders()
            if name.lower().startswith("x-ms-meta-")
        }
        return {
            "sha256": hashlib.sha256(body).hexdigest(), "bytes": len(body), "metadata": metadata,
            "type": answer.getheader("Content-Type"), "written": answer.getheader("ETag"),
        }  # fmt: skip

    def unfinished(self) -> list[Any]:
        return []  # Azure drops blocks that no blob came to hold after a week, by itself.

    def _ask(self, method: str, key: str, query: dict[str, str], body: bytes = b"") -> tuple[Any, bytes]:
        # https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key
        path = f"/{ACCOUNT}/{self.container}" + (f"/{quote(key)}" if key else "")
        ours = {"x-ms-blob-type": "BlockBlob", "x-ms-date": formatdate(usegmt=True), "x-ms-version": "2023-11-03"}
        lines = [method, "", "", str(len(body) or ""), *[""] * 8, *(f"{k}:{v}" for k, v in sorted(ours.items()))]
        lines += [f"/{ACCOUNT}{path}", *(f"{k}:{v}" for k, v in sorted(query.items()))]
        signed = hmac.digest(base64.b64decode(ACCOUNT_KEY), "\n".join(lines).encode(), "sha256")
        ours["Authorization"] = f"SharedKey {ACCOUNT}:{base64.b64encode(signed).decode()}"
        connection = HTTPConnection("127.0.0.1", self.server.port, timeout=60)
        connection.request(method, f"{path}?{urlencode(query)}", body=body, headers=ours)
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        return answer, data


@pytest.fixture(params=["s3", "azure", "gcs"])
def shop(request: pytest.FixtureRequest) -> Iterator[S3 | Azure]:
    """Each kind of store in turn, with a new empty bucket."""
    if request.param == "azure":
        made: S3 | Azure = Azure(request.getfixturevalue("azurite"))
    else:
        made = S3(request.getfixturevalue("moto"), request.param)
    made.make()
    yield made
    if isinstance(made, S3):
        made.client.close()


class Relay:
    """Passes bytes on to a server and counts those that go there; may cut the wire at a given number."""

    def __init__(self, target: int) -> None:
        self._target, self._listener = target, socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.sent = 0
        self._limit, self._then, self._cuts = 0, lambda: None, False
        self._lock, self._wires = threading.Lock(), list[socket.socket]()
        threading.Thread(target=self._accept, daemon=True).start()

    def when(self, sent: int, then: Callable[[], Any], *, cut: bool) -> None:
        """Once this many bytes have gone to the server: do something, and `cut` every connection for good."""
        self._limit, self._then, self._cuts = sent, then, cut

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for wire in self._wires:
            with suppress(OSError):
                wire.shutdown(socket.SHUT_RDWR)
            wire.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                try:
                    far = socket.create_connection(("127.0.0.1", self._target))
                except OSError:
                    near.close()  # What a client meets when the server is gone.
                    continue
                self._wires += [near, far]
                for source, sink, counted in ((near, far, True), (far, near, False)):
                    threading.Thread(target=self._pass_on, args=(source, sink, counted), daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket, counted: bool) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 18):
                if counted:
                    self._count(len(data))
                sink.sendall(data)
        for wire in (source, sink):
            with suppress(OSError):
                wire.shutdown(socket.SHUT_RDWR)

    def _count(self, number: int) -> None:
        with self._lock:
            self.sent += number
            if self._limit and self.sent >= self._limit:
                self._limit = 0
                self._then()
                if self._cuts:
                    self.close()


@pytest.fixture
def relay() -> Iterator[Callable[[Server], Relay]]:
    made: list[Relay] = []

    def build(server: Server) -> Relay:
        made.append(Relay(server.port))
        return made[-1]

    yield build
    for one in made:
        one.close()
