"""The switchboard of faults: what can be made to go wrong, how it is written, and when it strikes.

A fault is written `OPERATION:KIND[=VALUE][:retry-after=SECONDS][@WHEN][*COUNT]`, for example `create:500*3`.
`KINDS` is the table of what there is; `describe_faults` prints it. `WHEN` is a probability such as `50%`, or
`nth=5` for the fifth request of that operation (once, or `COUNT` times from there on). Without `COUNT` and
`nth` a fault strikes every time. Of several that apply, the first listed strikes.

`create` stands for everything that makes a video: create, remix and edits; `delete` also for cancelling. `result`
is fal's. `render` and `webhook` faults are decided when a job is made, `video` faults when one is uploaded to a
network. There `publish` is the request that makes a post, and `processing` the question of how far the network is.
`rights` faults are decided with each request that is about a chat.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, Literal

from reelwork_hooks import InvalidInput


@dataclass(frozen=True, slots=True)
class Kind:
    """One way in which an operation can go wrong.

    `value` says what follows the `=`. Without a `default` it must be given.
    """

    name: str
    operations: tuple[str, ...]
    meaning: str
    value: Literal["none", "seconds", "text"] = "none"
    default: str | None = None

    def read(self, value: str) -> str:
        """Return the value, or the default where none is given. Raises `ValueError`, saying what is wrong."""
        if self.value == "none" and value:
            raise ValueError("it takes no value")
        value = value or self.default or ""
        if self.value != "none" and not value:
            raise ValueError(f"it needs a value: {self.name}=…")
        if self.value == "seconds" and not _SECONDS.fullmatch(value):
            raise ValueError(f"{value!r} is not a number of seconds")
        return value


_SECONDS = re.compile(r"\d+(\.\d+)?")
_HTTP = ("create", "poll", "result", "list", "content", "delete", "upload", "moderation", "completion")
_PAGES = ("create", "poll", "result", "list", "content", "moderation", "completion")
_NETWORK = (
    "publish", "begin", "ask", "finish", "processing", "thumbnail", "captions", "describe", "account", "chat",
    "member", "instance", "register", "token",
)  # fmt: skip
_TAKES = ("publish", "upload", "begin", "finish", "describe", "captions", "thumbnail", "token")
_META = ("publish", "upload", "begin", "processing", "account", "list")
_X = ("publish", "upload", "begin", "finish", "describe", "captions", "processing", "account", "list")
_GOOGLE = ("publish", "upload", "begin", "ask", "processing", "thumbnail", "captions", "account", "list")
# Here a fault gets its name and its places; `exchange` does what it says to a request.
KINDS: tuple[Kind, ...] = (
    Kind("4xx/5xx", _HTTP, "answer with this status; nothing is done. Also create:429:retry-after=1"),
    Kind("slow", _HTTP, "wait for SECONDS, then do it and answer", "seconds"),
    Kind("html", _PAGES, "answer 200 with a web page, as a proxy would; nothing is done"),
    Kind("drop", tuple(one for one in _HTTP if one != "create"), "close the connection without an answer"),
    Kind("no-funds", ("create", "upload"), "answer as for an account without money; no job is made"),
    Kind("drop-before", ("create",), "close the connection without an answer; no job is made"),
    Kind("silent", ("create",), "make no job, and close the connection after SECONDS", "seconds"),
    Kind("accept-then-drop", ("create",), "make the job, then close the connection without an answer"),
    Kind("accept-then-500", ("create",), "make the job, then answer 500"),
    Kind("accept-then-slow", ("create",), "make the job, then answer after SECONDS", "seconds"),
    Kind("accept-then-html", ("create",), "make the job, then answer 200 with a web page"),
    Kind("accept-late", ("create",), "answer 502, and make the job after SECONDS", "seconds"),
    Kind("no-id", ("create",), "make the job, but leave its id out of the answer"),
    Kind("4xx/5xx", _NETWORK, "answer with this status; nothing is done (networks)"),
    Kind("slow", _NETWORK, "wait for SECONDS, then do it and answer (networks)", "seconds"),
    Kind("html", _NETWORK, "answer 200 with a web page; nothing is done (networks)"),
    Kind("drop", _NETWORK[1:], "close the connection without an answer (networks)"),
    Kind("drop-before", ("publish",), "close the connection without an answer; no post is made"),
    Kind("silent", ("publish",), "make no post, and close the connection after SECONDS", "seconds"),
    Kind("accept-then-drop", _TAKES, "carry it out, then close the connection without an answer"),
    Kind("accept-then-500", _TAKES, "carry it out, then answer 500"),
    Kind("accept-then-slow", _TAKES, "carry it out, then answer after SECONDS", "seconds"),
    Kind("accept-then-html", _TAKES, "carry it out, then answer 200 with a web page"),
    Kind("accept-late", ("publish",), "answer 502, and make the post after SECONDS", "seconds"),
    Kind("no-id", ("publish",), "make the post, but leave its id out of the answer"),
    Kind("code", ("create", "poll", "list"), "answer with this Kling code, such as 1101 (kling)", "text"),
    Kind("again", ("ids",), "make a task even if one has the same external_task_id (kling)"),
    Kind("ahead", ("clock",), "the service's clock is ahead by SECONDS", "seconds"),
    Kind("behind", ("clock",), "the service's clock is behind by SECONDS", "seconds"),
    Kind("reason", _GOOGLE, "answer with this YouTube reason, such as quotaExceeded (youtube)", "text"),
    Kind(
        "refusal",
        _META,
        "answer with this code of Meta, TikTok or LinkedIn, such as 9.2207042, spam_risk or DUPLICATE_POST "
        "(facebook, instagram, linkedin, threads, tiktok)",
        "text",
    ),
    Kind(
        "expired",
        ("container",),
        "answer that the container, or upload, has expired (facebook, instagram, linkedin, threads, x)",
    ),
    Kind("stale", ("container",), "show a published container as ready (facebook, instagram, threads, tiktok)"),
    Kind(
        "forgotten",
        ("container",),
        "answer that the container, or upload, is unknown (facebook, instagram, linkedin, threads, tiktok, x)",
    ),
    Kind("problem", _X, "answer with this X problem, such as duplicate or usage-capped (x)", "text"),
    Kind("paid", ("premium",), "the account pays for X Premium, for longer texts and videos (x)"),
    Kind("two", ("pages",), "the person who signs in has two pages (facebook)"),
    Kind("none", ("role",), "the person who signed in may not post for the page (linkedin)"),
    Kind("hidden", ("label",), "do not show a post's AI label (facebook)"),
    Kind("forgotten", ("posts",), "answer that there is no such post, although there is (webhook)"),
    Kind("expired", ("ask", "upload", "publish"), "answer that the upload's session is gone (youtube, tiktok)"),
    Kind("private", ("creator",), "the account is private: only its followers see its posts (tiktok)"),
    Kind("closed", ("creator",), "the account has switched off comments, duets and stitches (tiktok)"),
    Kind("short", ("creator",), "the account may post videos of at most SECONDS (tiktok)", "seconds"),
    Kind(
        "expire",
        ("access",),
        "give access tokens that expire after SECONDS (youtube, facebook, instagram, linkedin, threads, tiktok, x)",
        "seconds",
    ),
    Kind("ignored", ("keys",), "post again even if the key is known, as other software does (mastodon, webhook)"),
    Kind("shared", ("media",), "do not show an upload that is in a post, as before Mastodon 4.3 (mastodon)"),
    Kind("other", ("instance",), "present itself as software other than Mastodon (mastodon)"),
    Kind(
        "missing", ("rights",), "there is no such chat or webhook, or none that the bot can see (telegram, discord)"
    ),
    Kind("left", ("rights",), "the bot is no longer in the chat (telegram)"),
    Kind("silenced", ("rights",), "the bot may not post videos in the chat (telegram)"),
    Kind("denied", ("consent",), "the person at the browser denies the sign-in"),
    Kind("unknown-status", ("poll", "list"), "show this word as the status", "text"),
    Kind("empty", ("list",), "show an empty list"),
    Kind("late", ("list",), "show nothing of the last SECONDS", "seconds"),
    Kind("no-prompt", ("poll", "list"), "leave the prompts out"),
    Kind("truncate", ("content",), "close the connection after half of the bytes"),
    Kind("empty", ("content",), "answer 200 with no bytes"),
    Kind("endless", ("content",), "send the clip and then bytes without end"),
    Kind("redirect", ("content",), "answer 302 to this address", "text"),
    Kind("filename", ("content",), "suggest this file name, such as content:filename=../x", "text"),
    Kind("expired", ("content", "result"), "answer that it is gone"),
    Kind("bare", ("moderation",), "answer with null categories and without scores, as some servers do"),
    Kind("accept-then-drop", ("completion",), "answer, and close the connection before the answer leaves"),
    Kind("refuse", ("completion",), "answer as a model that refuses"),
    Kind("empty", ("completion",), "answer without text"),
    Kind("prose", ("completion",), "put a sentence before the JSON that was asked for"),
    Kind("fenced", ("completion",), "put the JSON in a code fence, as some models do"),
    Kind("extra", ("completion",), "add a key that was not asked for"),
    Kind("long", ("completion",), "return texts that are far too long"),
    Kind("control", ("completion",), "return texts with control characters"),
    Kind("surrogate", ("completion",), "return texts with half a surrogate pair"),
    Kind("foreign", ("completion",), "answer in another language"),
    Kind("cut", ("completion",), "cut the answer off, as at a token limit"),
    Kind("no-usage", ("completion",), "do not report how many tokens are charged"),
    Kind("no-schema", ("completion",), "refuse response_format, as older servers do"),
    Kind("fail", ("render",), "the render fails, with this error code", "text", "internal_error"),
    Kind("stuck", ("render",), "the render never ends"),
    Kind("slow", ("render",), "the render takes SECONDS", "seconds"),
    Kind("fail", ("video",), "the network cannot use the video, for this reason", "text", "conversion"),
    Kind("reject", ("video",), "the network removes the video, for this reason (youtube)", "text", "copyright"),
    Kind("locked", ("video",), "the video stays private, as without Google's audit (youtube)"),
    Kind("stuck", ("video",), "the network never finishes processing the video"),
    Kind("slow", ("video",), "the network processes the video for SECONDS", "seconds"),
    Kind("cloud", ("render",), "the clip goes to cloud storage: the job has a link, /content answers 400 (sglang)"),
    Kind("duplicate", ("webhook",), "send the event twice, with the same id"),
    Kind("forged", ("webhook",), "send a completed event with a wrong signature at once, and the true one on time"),
    Kind("late", ("webhook",), "send the event late by SECONDS", "seconds", "5"),
    Kind("lost", ("webhook",), "never send the event"),
    Kind("early", ("webhook",), "send the event at once, before the create is answered"),
    Kind("unknown-id", ("webhook",), "name a video that does not exist"),
    Kind("other-id", ("webhook",), "name a different video"),
)
_BY_NAME: Mapping[tuple[str, str], Kind] = {(op, kind.name): kind for kind in KINDS for op in kind.operations}
_SPEC = re.compile(
    r"(?P<operation>[a-z]+):(?P<kind>[a-z0-9-]+)(?:=(?P<value>.+?))?(?::retry-after=(?P<wait>\d+(?:\.\d+)?))?"
    r"(?:@(?:(?P<percent>\d+(?:\.\d+)?)%|nth=(?P<nth>[1-9]\d*)))?(?:\*(?P<count>[1-9]\d*))?"
)
_STATUS = re.compile(r"[45]\d\d")


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault as it was written, taken apart."""

    spec: str
    operation: str
    kind: str
    """A name from `KINDS`; `status` for a status number."""
    value: str = ""
    status: int = 0
    retry_after: str = ""
    """Seconds, as text."""
    probability: float = 1.0
    nth: int = 1
    count: int | None = None
    """How often it strikes at most."""

    @property
    def seconds(self) -> float:
        """The value as a number of seconds."""
        return float(self.value or 0)


def parse_fault(spec: str) -> Fault:
    """Take a fault apart. Raises `InvalidInput`, listing what there is."""
    match = _SPEC.fullmatch(spec.strip())
    if match is None:
        raise _not_a_fault(spec, "it is not written like create:500*3")
    try:
        return _fault(spec.strip(), match)
    except ValueError as error:
        raise _not_a_fault(spec, str(error)) from None


def _fault(spec: str, match: re.Match[str]) -> Fault:
    operation, name, nth, count = match["operation"], match["kind"], match["nth"], match["count"]
    status = int(name) if _STATUS.fullmatch(name) else 0
    kind = _BY_NAME.get((operation, "4xx/5xx" if status else name))
    if kind is None:
        raise ValueError(f"there is no {operation}:{name}")
    if match["wait"] and not status:
        raise ValueError("retry-after goes with a status, as in create:429:retry-after=1")
    return Fault(
        spec=spec,
        operation=operation,
        kind="status" if status else name,
        value=kind.read(match["value"] or ""),
        status=status,
        retry_after=match["wait"] or "",
        probability=_probability(match["percent"]),
        nth=int(nth or 1),
        # The fifth request is one request: more of them must be asked for.
        count=int(count) if count else 1 if nth else None,
    )


def _probability(percent: str | None) -> float:
    if percent is None:
        return 1.0
    if not 0 < float(percent) <= 100:
        raise ValueError(f"{percent}% is no chance: write more than 0% and at most 100%")
    return float(percent) / 100


def _not_a_fault(spec: str, why: str) -> InvalidInput:
    operations = dict.fromkeys(operation for kind in KINDS for operation in kind.operations)
    lines = [f"  {one}: {', '.join(kind.name for kind in KINDS if one in kind.operations)}" for one in operations]
    hint = "\n".join(["Write OPERATION:KIND[=VALUE][@50%|@nth=5][*COUNT]; the kinds are:", *lines])
    return InvalidInput(f"no fault {spec!r}: {why}", hint=hint)


def describe_faults() -> str:
    """The table of faults, a line each."""
    rows = []
    for kind in KINDS:
        value = {"none": "", "seconds": "=SECONDS", "text": "=TEXT"}[kind.value]
        value = f"[{value}]" if kind.default else value
        rows.append((f"{'|'.join(kind.operations)}:{kind.name}{value}", kind.meaning))
    return "\n".join(f"  {left}\n      {right}" for left, right in rows)


class _Armed:
    def __init__(self, fault: Fault, seed: str) -> None:
        self.fault = fault
        self.seen = 0
        self.struck = 0
        self._dice = Random(seed)

    def strikes(self) -> bool:
        """Return whether the fault applies to the request that was just seen."""
        fault = self.fault
        spent = fault.count is not None and self.struck >= fault.count
        if spent or self.seen < fault.nth:
            return False
        return fault.probability >= 1 or self._dice.random() < fault.probability


class Switchboard:
    """The faults that are switched on. May be used from several threads."""

    def __init__(self, specs: Iterable[str], seed: int = 0) -> None:
        self._lock = threading.Lock()
        self._seed = seed
        self._armed: list[_Armed] = []
        self.replace(specs)

    def replace(self, specs: Iterable[str]) -> None:
        """Switch these on and all others off; counts begin anew. Raises `InvalidInput` and changes nothing."""
        faults = [parse_fault(spec) for spec in specs]
        with self._lock:
            self._armed = [_Armed(fault, f"{self._seed}/{place}") for place, fault in enumerate(faults)]

    def pick(self, operation: str) -> Fault | None:
        """The fault that strikes this request, if any."""
        with self._lock:
            mine = [armed for armed in self._armed if armed.fault.operation == operation]
            for armed in mine:
                armed.seen += 1
            for armed in mine:
                if armed.strikes():
                    armed.struck += 1
                    return armed.fault
        return None

    def describe(self) -> list[dict[str, Any]]:
        """Return the faults that are switched on, with the number of requests each saw and the number it struck."""
        with self._lock:
            return [{"fault": one.fault.spec, "seen": one.seen, "struck": one.struck} for one in self._armed]
