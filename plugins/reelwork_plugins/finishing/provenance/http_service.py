"""A key service with an address of its own: `POST {"claim": …}` gives `{"signature": …}`.

It is the request of the signing services of the C2PA libraries for Android and iOS (`WebServiceSigner`).
"""

from __future__ import annotations

import base64
import json

from reelwork_plugins.finishing.provenance.key_service import KeyService


class HttpService(KeyService):
    """Sends the bytes in base64, and gets the signature in base64."""

    async def sign(self, data: bytes, algorithm: str) -> bytes:
        """Return the signature. Raises `Unavailable` and `Unusable`."""
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if token := await self.token():
            headers["Authorization"] = f"Bearer {token}"
        body = json.dumps({"claim": base64.b64encode(data).decode("ascii")}).encode()
        answer = await self._asked(self.place.address, headers, body)
        return self.decoded(answer.text_at("signature"))
