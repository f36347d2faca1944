"""Sends events to an address when videos are done, at least once, signed by the Standard Webhooks specification."""

from __future__ import annotations

import base64
import hashlib
import heapq
import hmac
import http.client
import itertools
import json
import secrets
import threading
import time
from dataclasses import dataclass, replace
from math import inf
from typing import Any
from urllib.parse import urlsplit

from reelwork_plugins.simulator.dialects import row_of
from reelwork_plugins.simulator.jobs import Job, JobStore

RETRIES = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Seconds before each further attempt at one event. OpenAI's went on for three days; a rehearsal need not."""
_TIMEOUT = 10.0


def sign(secret: str, event_id: str, timestamp: str, body: bytes) -> str:
    """Return the `webhook-signature` of a body (standardwebhooks.com): HMAC-SHA256 over id, time and body."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, f"{event_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode('ascii')}"


def sign_as_openrouter(secret: str, timestamp: str, body: bytes) -> str:
    """Return the `x-openrouter-signature` of a body: HMAC-SHA256 over time and body."""
    digest = hmac.new(secret.encode(), f"{timestamp},".encode() + body, hashlib.sha256).hexdigest()
    return f"t={timestamp},v1={digest}"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event on its way."""

    event_id: str
    body: bytes
    secret: str
    attempt: int = 0
    scheme: str = "standard"
    token: str = ""
    """The last part of the address that the request gave."""


class Courier(threading.Thread):
    """Sends events, one after the other. Without a 2xx answer an event is sent again, a few times.

    `attempts` lists the attempts so far: event id, type, video id, attempt, and the status or error.
    """

    def __init__(self, url: str, secret: str, store: JobStore) -> None:
        super().__init__(name="simulator-webhooks", daemon=True)
        self.attempts: list[dict[str, Any]] = []
        self._url = url
        self._secret = secret
        self._store = store
        self._due: list[tuple[float, int, Delivery]] = []
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._news = False
        self._stopped = False

    def notice(self, job: Job) -> None:
        """Wait for the end of a new job; a forged event may be due at once."""
        with self._changed:
            if job.fate.webhook == "early" and row_of(job.dialect).webhooks:
                self._push(time.time(), _event(job, "video.completed", self._secret))
            if job.fate.webhook == "forged" and row_of(job.dialect).webhooks:
                wrong = f"whsec_{base64.b64encode(secrets.token_bytes(24)).decode('ascii')}"
                self._push(time.time(), _event(job, "video.completed", wrong))
            self._news = True
            self._changed.notify()

    def stop(self) -> None:
        """Send nothing more, and wait for the event on its way."""
        with self._changed:
            self._stopped = True
            self._changed.notify()
        self.join()

    def run(self) -> None:
        """Work until stopped."""
        while True:
            now = time.time()
            finished, next_end = self._store.take_finished(now)
            with self._changed:
                for job in finished:
                    self._schedule(job)
                if self._stopped:
                    return
                # A job came after the store was asked: its end may be the next.
                if self._news:
                    self._news = False
                    continue
                next_due = self._due[0][0] if self._due else inf
                delivery = heapq.heappop(self._due)[2] if next_due <= now else None
                if delivery is None:
                    wait = min(next_end, next_due) - now
                    self._changed.wait(None if wait == inf else max(wait, 0.001))
                    continue
            # Outside the lock: a slow receiver must not hold up creates.
            self._deliver(delivery)

    def _schedule(self, job: Job) -> None:
        if not row_of(job.dialect).webhooks or job.fate.webhook in ("lost", "early"):
            return
        kind = "video.failed" if job.fate.failure else "video.completed"
        event = _event(job, kind, self._secret, self._named(job))
        at = (job.ended_at or time.time()) + job.fate.webhook_delay
        self._push(at, event)
        # The same event, with the same id: receivers recognise a duplicate by it.
        if job.fate.webhook == "duplicate":
            self._push(at, event)

    def _named(self, job: Job) -> str:
        """Return the id that the event names: the job's own, unless it lies."""
        if job.fate.webhook == "unknown-id":
            return f"{job.id}-never-made"
        others = [one.id for one in self._store.everything(time.time()) if one is not job]
        return others[-1] if job.fate.webhook == "other-id" and others else job.id

    def _push(self, at: float, delivery: Delivery) -> None:
        heapq.heappush(self._due, (at, next(self._numbers), delivery))

    def _deliver(self, delivery: Delivery) -> None:
        answer = self._send(delivery)
        event = json.loads(delivery.body)
        self.attempts.append(
            {
                "webhook_id": delivery.event_id, "type": event["type"], "job_id": event["data"]["id"],
                "attempt": delivery.attempt + 1, "answer": answer,
            }
        )  # fmt: skip
        delivered = isinstance(answer, int) and 200 <= answer < 300
        if not delivered and delivery.attempt < len(RETRIES):
            again = replace(delivery, attempt=delivery.attempt + 1)
            with self._changed:
                self._push(time.time() + RETRIES[delivery.attempt], again)

    def _send(self, delivery: Delivery) -> int | str:
        parts = urlsplit(self._url.replace(":token", delivery.token))
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        timestamp = str(int(time.time()))
        headers = {
            "content-type": "application/json",
            "user-agent": "Reelwork-Simulator",
            **_signed(delivery, timestamp),
        }
        connection = kind(parts.hostname or "", parts.port, timeout=_TIMEOUT)
        try:
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request("POST", target, body=delivery.body, headers=headers)
            answer = connection.getresponse()
            answer.read(65536)
            return answer.status
        except (OSError, http.client.HTTPException) as error:
            return f"{type(error).__name__}: {error}"
        finally:
            connection.close()


def _signed(delivery: Delivery, timestamp: str) -> dict[str, str]:
    if delivery.scheme == "openrouter":
        return {"x-openrouter-signature": sign_as_openrouter(delivery.secret, timestamp, delivery.body)}
    return {
        "webhook-id": delivery.event_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": sign(delivery.secret, delivery.event_id, timestamp, delivery.body),
    }


def _event(job: Job, kind: str, secret: str, named: str = "") -> Delivery:
    """Return an event about a job, or about the one that is named."""
    # By OpenAI's guide it carries the video's id only; everything else has to be read.
    event = {
        "id": f"evt_{secrets.token_hex(16)}",
        "object": "event",
        "created_at": int(time.time()),
        "type": kind,
        "data": {"id": named or job.id},
    }
    return Delivery(
        f"wh_{secrets.token_hex(16)}", json.dumps(event).encode(), secret,
        scheme=row_of(job.dialect).webhooks, token=job.ask.callback.rpartition("/")[2],
    )  # fmt: skip
