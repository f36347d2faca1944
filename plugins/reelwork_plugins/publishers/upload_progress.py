"""The progress of an upload, as a person who watches sees it."""

from __future__ import annotations

from reelwork_hooks import Context, HttpProgress, Job


def upload_progress(
    context: Context, job: Job, text: str, total: int | None = None, offset: int = 0
) -> HttpProgress:
    """Return a callback that reports how much of an upload has left, as "uploading to X".

    `total` is the number of bytes of a file that goes in several requests, and `offset` where this request begins.
    Without `total`, the request is the whole upload.
    """

    def show(sent: int, body: int | None) -> None:
        if whole := total or body:
            context.progress(job, min(100 * (offset + sent) / whole, 100.0), text)

    return show
