"""The facts stored with a video: its metadata, and the record that claims its key."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from reelwork_hooks import Asset, Job

LONGEST_VALUE = 200
"""Characters of one metadata value. Stores allow 2 KiB for all of them."""

RECORD_ENDING = ".reelwork.json"


def labels(job: Job, asset: Asset) -> dict[str, str]:
    """Return user metadata for an object: keys that are identifiers, as Azure asks; values in printable ASCII."""
    facts = {key: value for key, value in _facts(job).items() if value is not None}
    return {key: _header(str(value)) for key, value in {"sha256": asset.sha256, **facts}.items()}


def _facts(job: Job) -> dict[str, Any]:
    return {
        "job_id": job.id,
        "run_id": job.run,
        "workflow": job.workflow,
        "platform": job.platform.name if job.platform else None,
        "take": job.take,
        "row": job.row,
        "provider": job.provider,
        "model": job.brief.model,
        "remote_id": job.render.remote_id if job.render else None,
        "created_at": job.created_at.isoformat(),
        "ai_generated": "true",
    }


def _header(value: str) -> str:
    # Metadata travels in HTTP headers, which take ASCII only. Shortened before it is escaped, so that no `%` is
    # cut.
    kept = value.strip()
    while len(plain := quote(kept, safe=" !#$&'()*+,-./:;<=>?@[]^_`{|}~")) > LONGEST_VALUE:
        kept = kept[:-1]
    return plain


def record(job: Job, video: Asset) -> bytes:
    """Return the record beside a video. It is written first, create-only, and so claims the key for these bytes."""
    facts = {
        "reelwork": 1,
        "sha256": video.sha256,
        "bytes": video.bytes,
        "media_type": video.media_type,
        **_facts(job),
        "ai_generated": True,
    }
    return (json.dumps(facts, indent=2, ensure_ascii=False) + "\n").encode()


def claimed_by(data: bytes) -> tuple[str, str] | None:
    """Return the SHA-256 and the job that a record names; None when this is no record."""
    try:
        facts = json.loads(data)
        return str(facts["sha256"]), str(facts["job_id"])
    except (ValueError, TypeError, KeyError):
        return None
