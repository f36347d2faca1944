"""Keys in the transit engine of HashiCorp Vault or OpenBao.

By `builtin/logical/transit/path_sign_verify.go` in their sources.
"""

from __future__ import annotations

import base64
import json

from reelwork_plugins.finishing.provenance.key_service import KeyService
from reelwork_plugins.finishing.provenance.signatures import HASHES, digest

_NAMES = {"sha256": "sha2-256", "sha384": "sha2-384", "sha512": "sha2-512"}
"""Vault's names of the hashes."""


class Vault(KeyService):
    """Sends a hash, or for Ed25519 the bytes themselves."""

    @property
    def name(self) -> str:
        """The service as messages name it."""
        return f"the key {self.place.key} in Vault at {self.place.address}"

    async def sign(self, data: bytes, algorithm: str) -> bytes:
        """Return the signature. Raises `Unavailable` and `Unusable`."""
        body: dict[str, object] = {}
        if algorithm in HASHES:
            # By default the salt is as long as the key allows, which COSE does not take.
            body = {"prehashed": True, "signature_algorithm": "pss", "salt_length": "hash"}
            body["hash_algorithm"] = _NAMES[HASHES[algorithm]]
            data = digest(algorithm, data)
        if self.place.version:
            body["key_version"] = self.place.version
        body["input"] = base64.b64encode(data).decode("ascii")
        # A proxy in front of Vault may ask for the second header: it shows that no browser was tricked into this.
        headers = {"X-Vault-Token": await self.token(), "X-Vault-Request": "true"}
        headers["Content-Type"] = "application/json"
        url = f"{self.place.address}/sign/{self.place.key}"
        answer = await self._asked(url, headers, json.dumps(body).encode())
        # Such as `vault:v1:MEUCIQ…`, with the version of the key.
        return self.decoded(answer.text_at("data", "signature").rpartition(":")[2])
