"""Key services on 127.0.0.1 for tests: Reelwork's own request, Vault's transit engine, and AWS KMS.

Vault's part is by `builtin/logical/transit/path_sign_verify.go` in OpenBao's sources; its own client, `hvac`, is
tried at it as well. AWS's part checks a request with AWS's model of its API. Moto plays AWS in `tests/services`.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature

TOKEN = "s.hush-hush-token"
_HASHES = {"sha2-256": hashes.SHA256(), "sha2-384": hashes.SHA384(), "sha2-512": hashes.SHA512()}
_AT_AWS = {
    "ECDSA_SHA_256": hashes.SHA256(), "ECDSA_SHA_384": hashes.SHA384(), "ECDSA_SHA_512": hashes.SHA512(),
    "RSASSA_PSS_SHA_256": hashes.SHA256(),
}  # fmt: skip


class Refused(Exception):
    """The service answers with a status and a body."""

    def __init__(self, status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status)
        self.status, self.body, self.headers = status, body, dict(headers or {})


@dataclass
class KeyServer:
    """A service with keys by their names, each with its versions, the first one first."""

    keys: dict[str, list[Any]]
    port: int = 0
    requests: list[tuple[str, dict[str, str], dict[str, Any]]] = field(default_factory=list)
    faults: list[Refused] = field(default_factory=list)
    """What the next requests are answered with."""

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def settings(self, kind: str, name: str = "films") -> dict[str, str]:
        """Return the plugin's settings for a key of this service."""
        if kind == "aws-kms":
            return {"key_service": f"aws-kms:alias/{name}"}
        token = {"key_service_token": "env:KEY_SERVICE_TOKEN"}
        return {"key_service": f"{'vault:' if kind == 'vault' else ''}{self.address}/transit/{name}", **token}

    def answer(self, path: str, headers: dict[str, str], body: dict[str, Any]) -> dict[str, Any]:
        self.requests.append((path, headers, body))
        if self.faults:
            raise self.faults.pop(0)
        if headers.get("x-amz-target"):
            return self._aws(headers, body)
        return self._vault(path, headers, body) if path.startswith("/v1/") else self._own(path, headers, body)

    def _own(self, path: str, headers: dict[str, str], body: dict[str, Any]) -> dict[str, Any]:
        if headers.get("authorization") != f"Bearer {TOKEN}":
            raise Refused(401, {"error": "this token is not known"})
        [key] = self.keys[path.rpartition("/")[2]]
        data = base64.b64decode(body["claim"])
        if isinstance(key, ec.EllipticCurvePrivateKey):
            kind = {256: hashes.SHA256(), 384: hashes.SHA384(), 521: hashes.SHA512()}[key.curve.key_size]
            made = key.sign(data, ec.ECDSA(kind))
        elif isinstance(key, rsa.RSAPrivateKey):
            made = key.sign(data, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
        else:
            made = key.sign(data)
        return {"signature": base64.b64encode(made).decode()}

    def _vault(self, path: str, headers: dict[str, str], body: dict[str, Any]) -> dict[str, Any]:
        if headers.get("x-vault-token") != TOKEN:
            raise Refused(403, {"errors": ["permission denied"]})
        _, mount, verb, name = path.removeprefix("/").split("/")
        if mount != "transit" or verb != "sign":
            raise Refused(404, {"errors": [f"no handler for route '{path}'"]})
        if name not in self.keys:
            raise Refused(400, {"errors": ["signing key not found"]})
        version = body.get("key_version", 0) or len(self.keys[name])
        made = _vault_signature(self.keys[name][version - 1], body)
        return {"data": {"key_version": version, "signature": f"vault:v{version}:{made}"}}

    def _aws(self, headers: dict[str, str], body: dict[str, Any]) -> dict[str, Any]:
        _check_with_the_model(body)
        assert headers["x-amz-target"] == "TrentService.Sign"
        assert headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
        name = body["KeyId"].removeprefix("alias/")
        if name not in self.keys:
            raise Refused(400, {"__type": "NotFoundException", "message": f"Alias {body['KeyId']} is not found."})
        [key], kind = self.keys[name], _AT_AWS[body["SigningAlgorithm"]]
        data = base64.b64decode(body["Message"])
        signed: Any = Prehashed(kind) if body["MessageType"] == "DIGEST" else kind
        if isinstance(key, rsa.RSAPrivateKey):
            made = key.sign(data, padding.PSS(padding.MGF1(kind), kind.digest_size), signed)
        else:
            made = key.sign(data, ec.ECDSA(signed))
        return {"KeyId": body["KeyId"], "Signature": base64.b64encode(made).decode(), "SigningAlgorithm": "x"}


def _vault_signature(key: Any, body: dict[str, Any]) -> str:
    data = base64.b64decode(body["input"])
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return base64.b64encode(key.sign(data)).decode()
    kind = _HASHES[body.get("hash_algorithm", "sha2-256")]
    signed: Any = Prehashed(kind) if body.get("prehashed") else kind
    if isinstance(key, rsa.RSAPrivateKey):
        salt: Any = kind.digest_size if body.get("salt_length") == "hash" else padding.PSS.MAX_LENGTH
        return base64.b64encode(key.sign(data, padding.PSS(padding.MGF1(kind), salt), signed)).decode()
    made = key.sign(data, ec.ECDSA(signed))
    if body.get("marshaling_algorithm", "asn1") == "asn1":
        return base64.b64encode(made).decode()
    size = (key.curve.key_size + 7) // 8
    raw = b"".join(number.to_bytes(size, "big") for number in decode_dss_signature(made))
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _check_with_the_model(body: dict[str, Any]) -> None:
    """Check a request with AWS's own description of it. Raises `Refused` as AWS does."""
    from botocore.loaders import Loader
    from botocore.model import ServiceModel
    from botocore.validate import ParamValidator

    shape: Any = ServiceModel(Loader().load_service_model("kms", "service-2")).operation_model("Sign").input_shape
    message = base64.b64decode(body["Message"])
    report = ParamValidator().validate({**body, "Message": message}, shape)
    wrong = report.generate_report() or [name for name in body if name not in shape.members]
    if body["SigningAlgorithm"] not in shape.members["SigningAlgorithm"].enum or wrong or len(message) > 4096:
        raise Refused(400, {"__type": "ValidationException", "message": str(wrong)})


@contextmanager
def key_server(keys: dict[str, list[Any]]) -> Iterator[KeyServer]:
    """Run a service with these keys."""
    service = KeyServer(keys)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            headers = {name.lower(): value for name, value in self.headers.items()}
            try:
                self._send(200, service.answer(self.path, headers, body), {})
            except Refused as refused:
                self._send(refused.status, refused.body, refused.headers)

        def _send(self, status: int, body: Mapping[str, Any], headers: Mapping[str, str]) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (the base class's name)
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        service.port = server.server_port
        serving = Thread(target=server.serve_forever, args=(0.01,))
        serving.start()
        try:
            yield service
        finally:
            server.shutdown()
            serving.join()
