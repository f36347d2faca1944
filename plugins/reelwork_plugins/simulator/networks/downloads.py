"""Videos that a network fetches from an address."""

from __future__ import annotations

import http.client
from pathlib import Path
from urllib.parse import urlsplit

FETCH_SECONDS = 60.0
LARGEST = 1 << 30


# Without reelwork's own client: what stands for another company's server must not share its rules for addresses.
def download(address: str, path: Path, agent: str) -> bool:
    """Fetch a file, as `agent`; return whether it came."""
    parts = urlsplit(address)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=FETCH_SECONDS)
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("GET", target, headers={"user-agent": agent})
        answer = connection.getresponse()
        content = answer.read(LARGEST)
        if answer.status != 200:
            return False
        path.write_bytes(content)
        return True
    except (OSError, http.client.HTTPException, ValueError):
        return False
    finally:
        connection.close()
