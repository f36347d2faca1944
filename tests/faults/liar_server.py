"""A server with a personality: what it accepts, and what it answers to that.

It thinks in the words of the Videos protocol; its `Speech` puts what it hears and says into those of another one.

Pure: it has no clock, no thread and no socket. Each request comes with its time (seconds since 1970, true time), so
that virtual worlds and real processes can both use it. `renders` is the truth: one entry for each create that was
accepted and would be charged.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from urllib.parse import unquote

from liar_answers import busy, created, shown
from liar_listing import listing
from liar_rewriting import DATES, digest, http_date
from liar_speech import Speech
from liar_traits import Personality
from liar_values import CREATES, UPLOADS, Ask, Render, Reply


class LiarServer:
    """One server of one personality."""

    def __init__(self, who: Personality, speech: Speech | None = None) -> None:
        self.who = who
        self.speech = speech or Speech()
        self.renders: list[Render] = []
        """Everything that was ever accepted, oldest first."""
        self.known: list[Render] = []
        """What the server itself still knows."""
        self.asked: Counter[str] = Counter()
        self._next = 1
        self._cache: dict[str, tuple[float, Reply]] = {}
        self.uploads: dict[str, Render | None] = {}
        """Uploads that were opened, with what was posted of each."""

    # --- what it accepts ---------------------------------------------------------------------------------

    @property
    def acts_after(self) -> float:
        """Seconds from a create's arrival until the server acts on it."""
        return float(self.who["acts after"])

    def creates(self, ask: Ask) -> bool:
        """Tell a create, which is paid for or posted, from everything else."""
        return self.speech.creates(ask)

    def refusal(self, ask: Ask) -> Reply | None:
        """The answer to a create that is refused for what it is; None: it is taken."""
        refused = self.speech.refusal(self, self.speech.heard(self, ask))
        return None if refused is None else self._with_headers(refused, ask.at)

    def act(self, ask: Ask) -> tuple[Render, bool]:
        """Take a create on; False with the earlier one when its key is known."""
        ask = self.speech.heard(self, ask)
        key = ask.headers.get("idempotency-key", "")
        earlier = self._of_key(key, ask.at)
        if earlier is None and self.speech.once_for_an_upload:
            earlier = self.uploads.get(ask.upload)
        if earlier is not None:
            return earlier, False
        self._others(ask)
        render = self._made(ask, ask.tag, str(ask.fields.get("prompt", "")), key)
        render.upload, render.named = ask.upload, ask.named
        self._restrict(render)
        if ask.upload:
            self.uploads[ask.upload] = render
        return render, True

    def _of_key(self, key: str, at: float) -> Render | None:
        remembered = {
            "not taken": 0.0,
            "ignored": 0.0,
            "honoured for a minute": 60.0,
            "honoured for 48 h": 172800.0,
        }
        kept = min(remembered.get(self.who["keys"], float("inf")), self.speech.key_seconds)
        return next((one for one in self.renders if key and one.key == key and at - one.at < kept), None)

    def _made(self, ask: Ask, tag: str, prompt: str, key: str = "") -> Render:
        fields = ask.fields
        ending = self.who["renders end"]
        failed = ending == "failed" or (ending == "every second failed" and len(self.renders) % 2)
        render = Render(
            id=self._new_id(prompt),
            number=self._next,
            tag=tag,
            at=ask.at,
            ends=ask.at + float(self.who["renders take"]),
            prompt=prompt,
            seconds=float(fields.get("seconds", 4) or 4),
            size=str(fields.get("size", "1280x720")),
            model=str(fields.get("model", "m1")),
            key=key,
            outcome="failed" if failed else "completed",
        )
        self._next += 1
        self.renders.append(render)
        if self.who["restart"] == "keeps, ids begin again":
            self.known = [one for one in self.known if one.id != render.id]
        self.known.append(render)
        return render

    def _new_id(self, prompt: str) -> str:
        number = self._next
        forms = {
            "random": f"{digest(f'id {number}'):012x}",
            "numbers": str(7000 + number),
            "one for all": "current",
            "by prompt": f"{digest(prompt):012x}",
            "long with a slash": f"projects/9/videos/{number:04d}{'f' * 60}",
            "upper and lower": f"vid_{'aA'[number % 2]}{(number + 1) // 2}",
        }
        return forms.get(self.who["ids"], f"video_{number:04d}")

    def _others(self, ask: Ask) -> None:
        """What other clients of the same account make meanwhile."""
        kind, prompt = self.who["others make"], str(ask.fields.get("prompt", ""))
        made: Mapping[str, Sequence[str]] = {
            "one before each": ("A slow pan over wet asphalt",),
            "thirty before each": [f"Somebody's clip {number}" for number in range(30)],
            "the same as ours": (prompt,),
            "much like ours": (f"{prompt} in the evening", prompt[: len(prompt) // 2]),
        }
        for text in made.get(kind, ()):
            self._made(ask, "", text)

    def _restrict(self, render: Render) -> None:
        ours = [one for one in self.renders if one.tag]
        if self.who["hides"] != "nothing" and len(ours) % 3 == 2:
            render.listed = False
        if self.who["deletes"] == "one right away" and len(ours) % 3 == 2:
            self.known.remove(render)

    def restart(self) -> None:
        """Begin again, as a server does that was killed."""
        how = self.who["restart"]
        if "forgets" in how:
            self.known = []
            self.uploads = {}
        if "begin again" in how:
            self._next = 1
        self._cache.clear()

    # --- what it answers ---------------------------------------------------------------------------------

    def answer(self, ask: Ask) -> Reply:
        """The answer to a request that only reads."""
        own = self.speech.own(self, ask)
        if own is not None:
            return self._with_headers(own, ask.at)
        heard = self.speech.heard(self, ask)
        return self.speech.said(self, heard, self._answer(heard))

    def _answer(self, ask: Ask) -> Reply:
        self.asked[f"{ask.method} {ask.path if ask.path == CREATES else 'one'}"] += 1
        if ask.path == CREATES:
            return self._from_cache(ask)
        if ask.path.startswith(f"{CREATES}/") and ask.method == "GET":
            return self._with_headers(self._one(ask), ask.at)
        if ask.path.startswith(UPLOADS):
            return self._with_headers(self._upload(ask), ask.at)
        return self._with_headers(Reply(404, {"error": {"message": "not found"}}), ask.at)

    def _upload(self, ask: Ask) -> Reply:
        if ask.method == "POST":
            name = f"upload_{len(self.uploads) + 1}_{int(ask.at)}"
            self.uploads[name] = None
            return Reply(201, {"upload": name})
        name = ask.path.removeprefix(f"{UPLOADS}/")
        if name not in self.uploads:
            return Reply(404, {"error": {"message": "no such upload"}})
        made = self.uploads[name]
        late = made is not None and ask.at < made.at + float(self.who["listed after"])
        return Reply(200, {"upload": name, "post": None if made is None or late else made.id})

    def created(self, ask: Ask, render: Render, *, new: bool) -> Reply:
        """The answer to a create that was carried out, or was before."""
        heard = self.speech.heard(self, ask)
        return self.speech.said(self, heard, self._with_headers(created(self.who, render, ask.at, new=new), ask.at))

    def busy(self, ask: Ask) -> Reply:
        """The answer to a create that was not carried out, since there is too much to do."""
        return self._with_headers(busy(self.who, ask.at), ask.at)

    def _from_cache(self, ask: Ask) -> Reply:
        form = self.who["cached"]
        if form == "no":
            return self._with_headers(self._list(ask), ask.at)
        seconds, name = float(form.split()[0]), json.dumps(dict(ask.query), sort_keys=True)
        if form == "20 and whole":
            # One copy of the list, whichever page is asked for.
            name = ""
        kept_at, reply = self._cache.get(name, (-1e18, Reply()))
        if ask.at - kept_at >= seconds:
            kept_at, reply = ask.at, self._with_headers(self._list(ask), ask.at)
            self._cache[name] = (kept_at, reply)
        headers = dict(reply.headers)
        if "Age" in form:
            headers["Age"] = str(int(ask.at - kept_at))
        if "old Date" not in form:
            headers.pop("Date", None)
            headers |= self._date(ask.at)
        return Reply(reply.status, reply.body, headers)

    def _list(self, ask: Ask) -> Reply:
        known = [one for one in self.known if self.speech.lists(one, ask)]
        return listing(self.who, known, ask, self.asked["GET " + CREATES])

    def _one(self, ask: Ask) -> Reply:
        id_ = unquote(ask.path.removeprefix(f"{CREATES}/"))
        if id_.endswith("/content"):
            return Reply(200, b"\0" * 64, {"Content-Type": "video/mp4"})
        found = next((one for one in reversed(self.known) if self.speech.names(self, one, id_)), None)
        return shown(self.who, found, ask)

    def _date(self, at: float) -> dict[str, str]:
        form = self.who["Date"]
        if form == "stands still":
            return {"Date": "Sat, 28 Nov 2026 08:00:00 GMT"}
        text = DATES[form](at) if form in DATES else http_date(at)
        return {} if text is None else {"Date": text}

    def _with_headers(self, reply: Reply, at: float) -> Reply:
        more: Mapping[str, dict[str, str]] = {
            "a poll hint": {"openai-poll-after-ms": "9000"},
            "Retry-After on 200": {"Retry-After": "7"},
            "many": {f"X-Trace-{number}": "0" * 64 for number in range(40)},
            "cookies": {"Set-Cookie": "lb=1; Path=/; HttpOnly"},
            "ETag and no-store": {"ETag": '"0"', "Cache-Control": "no-store", "Expires": "0"},
        }
        kind = {} if isinstance(reply.body, (bytes, str)) else {"Content-Type": "application/json"}
        return Reply(
            reply.status,
            reply.body,
            {**kind, **self._date(at), **more.get(self.who["headers"], {}), **reply.headers},
        )
