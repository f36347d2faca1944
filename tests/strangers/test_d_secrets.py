"""A secret is planted in every form wherever something enters; then every trace of the work is searched for it."""

from __future__ import annotations

import base64
import json
import os
import stat
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from tests.collector import collector
from tests.strangers.conftest import Desk, Ended
from tests.strangers.mistakes import Mistake, some
from tests.strangers.server import Answer, Asked, VideoServer, show

KEY = "sk-live-Qx7Zk2Vn9Rb4Tc8Yp1Wd6/Hf3+Jm5Lg0EsQw"
WHOLE = bool(os.environ.get("REELWORK_POISON"))
"""Every form at every entry takes minutes; without it, every third form is tried at each."""
PART = 8
"""Characters of the key in a row that count as found, in any case and over any line breaks."""
EDGES = (440, 490, 170, 60)
"""Lengths of what stands before: at these, somebody may cut."""


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


FORMS: Mapping[str, Callable[[str], str]] = {
    "plain": str,
    "capitals": str.upper,
    "small": str.lower,
    "header": lambda key: f"Authorization: Bearer {key}",
    "address": lambda key: quote(key, safe=""),
    "base64": b64,
    "bearer": lambda key: b64(f"Bearer {key}"),
    "basic": lambda key: b64(f"me:{key}"),
    "hex": lambda key: key.encode().hex(),
    "json": lambda key: json.dumps(json.dumps({"key": key})),
    "lines": lambda key: f"{key[:20]}\n  {key[20:]}",
    "letters": lambda key: " ".join(key),
}


def form_of(job: Mapping[str, object]) -> str:
    """The secret as the prompt asks for it, behind so much text that somebody may cut within it."""
    name, _, edge = str(job.get("prompt")).partition("form ")[2].partition(" ")
    return ("y" * int(edge or 0)) + " " + FORMS[name](KEY) if name else ""


def refused(server: VideoServer, asked: Asked) -> Answer:
    return Answer({"error": {"message": form_of(server.accept(asked))}}, 400)


def broken(server: VideoServer, asked: Asked) -> Answer:
    return Answer(form_of(server.accept(asked)).encode(), 500, {"Content-Type": "text/plain"})


def named(server: VideoServer, asked: Asked) -> Answer:
    job = server.accept(asked)
    return Answer({**job, "id": f"video_{form_of(job)[-90:]}"})


def begun(server: VideoServer, asked: Asked) -> Answer:
    return Answer({**server.accept(asked), "status": "queued"})


def said(**fields: object) -> Callable[[VideoServer, Asked], Answer]:
    """A video of which, once, something is said that holds the secret in place of `@@`."""

    def answer(server: VideoServer, asked: Asked) -> Answer:
        job = server.jobs.get(asked.path.rsplit("/", 1)[1], {})
        if not form_of(job) or sum(one.path == asked.path for one in server.requests) > 2:
            return show(server, asked)
        changes = json.dumps(fields).replace('"@@"', json.dumps(form_of(job)))
        return Answer({**job, **json.loads(changes)})

    return answer


def unread(server: VideoServer, asked: Asked) -> Answer:
    job = server.jobs.get(asked.path.rsplit("/", 1)[1], {})
    again = sum(one.path == asked.path for one in server.requests) > 2
    return show(server, asked) if again else Answer({"error": {"message": form_of(job)}}, 401)


def withheld(server: VideoServer, asked: Asked) -> Answer:
    job = server.jobs.get(asked.path.split("/")[3], {})
    if not form_of(job) or sum(one.path == asked.path for one in server.requests) > 1:
        return Answer(server.clip, headers={"Content-Type": "video/mp4"})
    return Answer(form_of(job).encode(), 403, {"Content-Type": "text/plain"})


ENTRIES: Mapping[str, Mapping[str, Callable[[VideoServer, Asked], Answer]]] = {
    "a refusal": {"create": refused},
    "an error": {"create": broken},
    "an id": {"create": named},
    "a failed render": {"create": begun, "show": said(status="failed", error={"code": "@@", "message": "@@"})},
    "a status word": {"create": begun, "show": said(status="@@")},
    "a link": {"create": begun, "show": said(status="completed", url="@@", metadata={"url": "@@"})},
    "a failed look": {"create": begun, "show": unread},
    "a failed download": {"content": withheld},
}


def is_found(data: bytes) -> str:
    """A run of characters of the secret, in any of its forms, or empty."""
    text = "".join(data.decode("latin-1").lower().replace("\\n", "").split())
    for name in ("plain", "base64", "bearer", "basic", "hex", "address"):
        form = FORMS[name](KEY).lower()
        # What is the same for every key is no part of this one.
        least = 2 * PART if name == "hex" else PART
        runs = (
            form[at : at + least] for at in range(12 if name in ("bearer", "basic") else 4, len(form) - least + 1)
        )
        if run := next((run for run in runs if run in text), ""):
            return f"{name}: {run}"
    return ""


def search(desk: Desk, *ended: Ended) -> None:
    """Look through everything a run leaves behind."""
    for one in ended:
        assert not is_found(one.out.encode()), (is_found(one.out.encode()), one.out[-2000:])
        assert not is_found(one.err.encode()), (is_found(one.err.encode()), one.err[-2000:])
    seen = 0
    for path in sorted(desk.folder.rglob("*")):
        if path.is_file() and path.name not in ("key.txt", "leaky.py") and path.suffix not in (".mp4", ".jpg"):
            seen += 1
            assert not is_found(path.read_bytes()), (path, is_found(path.read_bytes()))
    assert seen > 5


def look_everywhere(desk: Desk, workflow: Path, ran: Ended, **environ: Any) -> None:
    """Use every command that shows something of the work, then search."""
    resumed = desk.reelwork("--log-json", "-v", "resume", timeout=20, **environ)
    commands: list[tuple[str | Path, ...]] = [
        (*command, job["id"], *options)
        for job in desk.jobs()[:3]
        for command in (("jobs", "show"), ("jobs", "history"))
        for options in ((), ("--json",))
    ]
    commands += [("jobs", "list"), ("store", "check", "--json"), ("store", "backup", "backup.db")]
    commands += [("plan", workflow, "--json"), ("doctor", workflow, "-v")]
    shown = desk.each(commands, **environ)
    assert all(one.code in (0, 1) and one.text for one in shown), shown
    search(desk, ran, resumed, *shown)


def run(desk: Desk, workflow: Path, **environ: Any) -> Ended:
    with collector() as traces:
        ran = desk.reelwork(
            "--log-file", "all.log", "--error-log", "errors.log", "-v", "run", "rows.jsonl", "--workflow", workflow,
            "--yes", "--trace-hooks", "--json", timeout=120, OTEL_EXPORTER_OTLP_ENDPOINT=traces.url, **environ,
        )  # fmt: skip
    assert {span.name for span in traces.spans} >= {"job", "hold", "videos-api.submit"}
    # What left in them is searched like everything else that a run leaves behind.
    desk.folder.joinpath("traces.bin").write_bytes(b"".join(traces.raw))
    assert b"harbour in the evening" not in b"".join(traces.raw)
    return ran


def echoed(desk: Desk, serve: Callable[..., VideoServer], entry: str, forms: Collection[str]) -> tuple[Path, Ended]:
    """Run a batch at a server that echoes the secret at one entry; return the workflow as well."""
    server = serve(**ENTRIES[entry])
    desk.write("key.txt", KEY + "\n")
    edges = {form: EDGES[at % 4] for at, form in enumerate(FORMS)}
    prompts = ["A harbour in the evening", *(f"A fox in snow, form {form} {edges[form]}" for form in forms)]
    desk.write("rows.jsonl", "".join(json.dumps({"prompt": prompt}) + "\n" for prompt in prompts))
    reference = "env:SERVER_KEY" if entry == "a link" else "file:key.txt"
    workflow = desk.workflow(server.origin, provider=f'api_key = "{reference}"\ndeadline = 4')
    ran = run(desk, workflow, SERVER_KEY=KEY)
    assert KEY in server.requests[0].headers["authorization"]
    return workflow, ran


@pytest.mark.parametrize("entry", ENTRIES)
def test_a_secret_that_a_server_echoes_is_nowhere(
    desk: Desk, serve: Callable[..., VideoServer], entry: str
) -> None:
    forms = list(FORMS) if WHOLE else list(FORMS)[list(ENTRIES).index(entry) % 3 :: 3]
    workflow, ran = echoed(desk, serve, entry, forms)
    look_everywhere(desk, workflow, ran, SERVER_KEY=KEY)


LEAKY = """
import asyncio, logging, sys, threading, warnings
from reelwork_hooks import Config, Plugin, SecretRef, Verdict, hookimpl


class LeakyConfig(Config):
    token: SecretRef


class Leaky(Plugin):
    Config = LeakyConfig

    @hookimpl
    async def pre_moderate(self, content, job):
        key = self.context.secret(self.config.token)
        logging.getLogger("anything").warning("the key is %s", key)
        logging.getLogger().error("root: %s", key.upper())
        self.context.log.error("the head: %s", key[:20])
        warnings.warn("warned of " + key)
        print("printed", key)
        print("printed", key[:30], file=sys.stderr)

        def fails():
            raise ValueError("in a thread: " + key)

        thread = threading.Thread(target=fails)
        thread.start()
        thread.join()

        async def lost():
            raise ValueError("never retrieved: " + key)

        asyncio.create_task(lost())
        await asyncio.sleep(0.01)
        return Verdict.allow()

    @hookimpl
    def prompt_transform(self, prompt, job):
        if "refused" in prompt.text:
            raise RuntimeError("y" * 1990 + " " + self.context.secret(self.config.token))

    @hookimpl
    def post_download(self, clip, job):
        raise RuntimeError(self.context.secret(self.config.token)[:33] + " and more")
"""


def leaked(desk: Desk, serve: Callable[..., VideoServer]) -> tuple[Path, Ended]:
    """Run a batch with the plugin; return the workflow as well."""
    server = serve()
    desk.write("leaky.py", LEAKY)
    desk.write("key.txt", KEY)
    desk.write("rows.jsonl", '{"prompt": "A harbour in the evening"}\n{"prompt": "A fox that is refused"}\n')
    rest = 'plugins = ["./leaky.py"]'
    path = desk.workflow(server.origin, rest='[plugin.leaky]\ntoken = "file:key.txt"')
    path.write_text(f"{rest}\n{path.read_text('utf-8')}", encoding="utf-8")
    return path, run(desk, path)


def test_a_secret_that_a_plugin_lets_out_is_nowhere(desk: Desk, serve: Callable[..., VideoServer]) -> None:
    path, ran = leaked(desk, serve)
    assert "***" in ran.err
    assert "anything" in ran.err + (desk.folder / "all.log").read_text("utf-8") or "the key is" in ran.text
    look_everywhere(desk, path, ran)


def test_what_is_private_is_the_persons_alone_whatever_the_umask(
    desk: Desk, serve: Callable[..., VideoServer]
) -> None:
    server = serve()
    desk.write("key.txt", KEY)
    workflow = desk.workflow(server.origin, provider='api_key = "file:key.txt"')
    desk.write("rows.jsonl", '{"prompt": "A harbour in the evening"}\n')
    before = os.umask(0)
    try:
        ran = run(desk, workflow)
        saved = desk.reelwork("store", "backup", "backup.db")
    finally:
        os.umask(before)
    assert (ran.code, saved.code) == (0, 0), ran.text + saved.text
    private = [*desk.folder.glob("store.db*"), *desk.folder.glob("backup.db*"), *desk.folder.glob("*.log")]
    private += (desk.folder / "out" / "videos").rglob("*.json")
    assert len(private) >= 6
    for path in private:
        wanted = 0o700 if path.is_dir() else 0o600
        assert stat.S_IMODE(path.stat().st_mode) == wanted, path


FORGETS_HEX = """
import dataclasses, reelwork.redaction.secret_forms as forms
plain = forms.Forms.adding
def adding(self, secret):
    made, gone = plain(self, secret), {secret.encode().hex()}
    return dataclasses.replace(made, folded=made.folded - gone, broken=made.broken - gone)
forms.Forms.adding = adding
"""
NOT_ACROSS_LINES = """
import reelwork.redaction.secret_forms as forms
def spans(self, text):
    small = forms._small(text)
    return forms._merged([*self._whole(small, text), *self._partly(small, list(range(len(small))))])
forms.Forms._spans = spans
"""
LOG_NOT_MASKED = """
import reelwork.logs, reelwork.process_output as ways_out
ways_out._redact = lambda record, masked: None
reelwork.logs.mask = lambda text: text
"""
OPEN_FILES = """
import os
opened = os.open
os.open = lambda path, flags, mode=0o777, **more: opened(path, flags, 0o666 if mode == 0o600 else mode, **more)
"""
IN_BASE64 = "import reelwork.redaction.secret_forms as forms\nforms._in_base64 = lambda secret: iter(())"
IN_CAPITALS = "import reelwork.redaction.secret_forms as forms\nforms._small = lambda text: text"
ANY_ID = "import reelwork.redaction.redactor as redaction\nredaction.holds_secret = lambda text: False"
NOT_RECEIVED = "import reelwork.plugins.cleaning as received\nreceived.mask = lambda text: text"
NOT_SHOWN = "import reelwork.cli.terminal.shown_stream as shown_stream\nshown_stream.mask = lambda text: text"
NOT_RAISED = "import reelwork.errors as errors\nerrors.mask = lambda text: text"
MISTAKES = {
    "hex is not known": Mistake(FORGETS_HEX, "a refusal", "hex", "hex: "),
    "base64 is not known": Mistake(IN_BASE64, "a failed render", "base64", "base64: "),
    "capitals are not known": Mistake(IN_CAPITALS, "a refusal", "capitals", "plain: "),
    "a key over several lines is not known": Mistake(NOT_ACROSS_LINES, "a refusal", "letters", "plain: "),
    "an id may hold a key": Mistake(ANY_ID, "an id", "plain", "plain: "),
    "an answer is kept as it is": Mistake(NOT_RECEIVED, "a failed render", "plain", "plain: "),
    "log lines are not masked": Mistake(LOG_NOT_MASKED, "a plugin", "", "all.log"),
    "what is printed is not masked": Mistake(NOT_SHOWN, "a plugin", "", "plain: "),
    "an error is kept as it is": Mistake(NOT_RAISED, "a plugin", "", "plain: "),
    "files are everybody's": Mistake(OPEN_FILES, "files", "", "438 == 384|store.db|log"),
}


@pytest.mark.parametrize("name", some(MISTAKES))
def test_a_mistake_in_hiding_secrets_is_found(
    desk: Desk, serve: Callable[..., VideoServer], tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch, name: str,
) -> None:  # fmt: skip
    mistake = MISTAKES[name]
    mistake.build_in(monkeypatch, tmp_path_factory.mktemp("mistake"))
    with pytest.raises(AssertionError, match=mistake.complaint):
        tried(mistake, desk, serve)


def tried(mistake: Mistake, desk: Desk, serve: Callable[..., VideoServer]) -> None:
    """Do what must find it."""
    if mistake.place == "files":
        test_what_is_private_is_the_persons_alone_whatever_the_umask(desk, serve)
    elif mistake.place == "a plugin":
        search(desk, leaked(desk, serve)[1])
    else:
        search(desk, echoed(desk, serve, mistake.place, [mistake.sort])[1])
