"""`c2pa` with a time-stamp service, which OpenSSL plays."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
from tests.authority import Authority

from reelwork.media.provenance import read_provenance
from reelwork.testing import SampleContext, sample_clip, sample_job
from reelwork_plugins.finishing.provenance import C2pa, C2paConfig


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


TIME_STAMPS = """
[tsa]
default_tsa = stamps
[stamps]
serial = serial
signer_cert = stamps.pem
signer_key = stamps.key
signer_digest = sha256
default_policy = 1.2.3.4
digests = sha256, sha384, sha512
ess_cert_id_alg = sha256
"""
EXTENSIONS = """
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""


def openssl(folder: Path, command: str) -> None:
    subprocess.run(["openssl", *command.split()], cwd=folder, check=True, capture_output=True)


class _Stamps(BaseHTTPRequestHandler):
    """A time-stamp service that answers with OpenSSL."""

    folder: ClassVar[Path]

    def do_POST(self) -> None:
        (self.folder / "query").write_bytes(self.rfile.read(int(self.headers["Content-Length"])))
        openssl(self.folder, "ts -reply -config stamps.cnf -queryfile query -out reply")
        answer = (self.folder / "reply").read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", "application/timestamp-reply")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (the base class's name)
        """Say nothing."""


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_a_time_stamp_is_put_into_the_signature(tmp_path: Path, authority: Authority) -> None:
    (tmp_path / "stamps.cnf").write_text(TIME_STAMPS)
    (tmp_path / "stamps.ext").write_text(EXTENSIONS)
    (tmp_path / "serial").write_text("01\n")
    openssl(tmp_path, "req -x509 -newkey rsa:2048 -nodes -days 9 -subj /CN=Root -keyout root.key -out root.pem")
    openssl(tmp_path, "req -newkey rsa:2048 -nodes -subj /CN=Stamps -keyout stamps.key -out stamps.csr")
    issue = "x509 -req -in stamps.csr -CA root.pem -CAkey root.key -CAcreateserial -days 9 -extfile stamps.ext"
    openssl(tmp_path, f"{issue} -out stamps.pem")
    _Stamps.folder = tmp_path
    with HTTPServer(("127.0.0.1", 0), _Stamps) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        config = C2paConfig(
            certificate=authority.write(tmp_path) / "chain.pem",
            key="file:key.pem",
            ta_url=f"http://127.0.0.1:{server.server_port}/",
        )
        made = asyncio.run(C2pa(config, SampleContext(tmp_path, "c2pa")).post_download(sample_clip(), sample_job()))
        server.shutdown()
        serving.join()
    found = read_provenance(made.video.path)
    assert found is not None
    assert found.valid
    assert found.manifest.signed_at.startswith("20")
