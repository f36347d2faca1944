"""One bad answer costs one job at most: every sort of poison at every place where text or numbers enter."""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
import sys
import zlib
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from tests.strangers.conftest import Desk, Ended
from tests.strangers.mistakes import Mistake, some
from tests.strangers.server import LOST, Answer, Asked, VideoServer, create, listing, show

from reelwork.testing.clips import write_video

WHOLE = bool(os.environ.get("REELWORK_POISON"))
"""Every sort at every place takes minutes; without it, each sort is tried at one place, and each place has one."""
MEMORY = 200 * 1024
"""Kibibytes a command may take, whatever it is answered."""
STEERS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Characters that no command may print when nobody asked for colours."""
HEALTHY = ("A quiet harbour", "A field of poppies")
HERE = '"@@"'

SORTS: Mapping[str, str] = {
    "half": r'"refused \ud83d"',
    "halves": r'"\udc00\ud800 refused"',
    "controls": r'"nul \u0000, bell \u0007, escape \u001b[31mred\u001b[0m, \u009b31m"',
    "clipboard": r'"\u001b]52;c;cm0gLXJm\u0007"',
    "overwritten": r'"paid\r\u001b[2Kfree \u202egnp.exe"',
    "long": '"' + "w" * 10_000_000 + '"',
    "deep": "[" * 100_000 + "]" * 100_000,
    "deep-objects": '{"a":' * 3_000 + "1" + "}" * 3_000,
    "rather-deep": "[" * 400 + "]" * 400,
    "many": '[{"a":1}' + ',{"a":1}' * 1_000_000 + "]",
    "digits": "9" * 5_000,
    "number": "-" + "9" * 400,
    "exponent": "1e999",
    "nan": "NaN",
    "infinity": "-Infinity",
    "text-for-number": '"nan"',
    "object": '{"message": {"detail": [1e400, null]}}',
}
BODIES: Mapping[str, Callable[[], Answer]] = {
    "packed-twice": lambda: Answer(_bomb(2), headers={"Content-Encoding": "gzip, gzip"}),
    "packed": lambda: Answer(_bomb(1), headers={"Content-Encoding": "gzip"}),
    "wrongly-named": lambda: Answer(b"\x1f\x8b not gzip", headers={"Content-Encoding": "gzip"}),
    "no-text": lambda: Answer(b"\xff\xfe\x00{", headers={"Content-Type": "application/json; charset=punycode"}),
    "empty": lambda: Answer(b""),
    "huge-refusal": lambda: Answer(b'{"error": "' + b"x" * 20_000_000, status=500),
}
PLACES = (
    "status",
    "id",
    "progress",
    "created_at",
    "seconds",
    "expires_at",
    "prompt",
    "url",
    "error",
    "message",
    "code",
)
"""Fields of a video, as `show` and lists give them."""
SPREAD = {sort: PLACES[(at + 4) % len(PLACES)] for at, sort in enumerate(SORTS)}
EVERYWHERE = [dict.fromkeys(SORTS, place) for place in PLACES] if WHOLE else [SPREAD]
"""Where each sort stands, for each run."""


def place_of(at: Mapping[str, str]) -> str:
    """How a run is called."""
    return "-".join(sorted(set(at.values()))) if len(set(at.values())) == 1 else "everywhere"


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A small film: what is measured here is the memory that answers take, not that of pictures."""
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    return write_video(path, seconds=4.0, width=854, height=480, fps=24).read_bytes()


def _bomb(layers: int) -> bytes:
    packer = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    raw = b"".join(packer.compress(bytes(1_000_000)) for _ in range(300)) + packer.flush()
    return gzip.compress(raw) if layers > 1 else raw


def poisoned(job: Mapping[str, Any], place: str, sort: str) -> Answer:
    """A video with poison in one field."""
    if place in ("message", "code"):
        changed = {**job, "status": "failed", "error": {"code": "blocked", "message": "no", place: "@@"}}
    else:
        changed = {**job, place: "@@"}
    return Answer(json.dumps(changed).replace(HERE, SORTS[sort]).encode())


def sort_of(job: Mapping[str, Any]) -> str:
    """Which poison was asked for, in the prompt."""
    return str(job.get("prompt")).partition("poison ")[2]


MEASURE = """
import os, subprocess, sys, threading
process = subprocess.Popen(sys.argv[3:], stdin=subprocess.DEVNULL)
late = threading.Timer(float(sys.argv[2]), process.kill)
late.daemon = True
late.start()
_, status, usage = os.wait4(process.pid, 0)
open(sys.argv[1], "w").write(str(usage.ru_maxrss))
sys.exit(abs(os.waitstatus_to_exitcode(status)))
"""
"""Started by a process as small as this one: a child begins with its parent's peak."""


def run(desk: Desk, *arguments: str, seconds: float = 240) -> tuple[Ended, int]:
    """Run a command; return also the most memory it took, in kilobytes."""
    peak = desk.folder / "peak"
    command = [sys.executable, "-c", MEASURE, str(peak), str(seconds), sys.executable, "-m", "reelwork", *arguments]
    env = {**os.environ, "HOME": str(desk.folder), "REELWORK_STORE": str(desk.store), "NO_COLOR": "1"}
    done = subprocess.run(command, cwd=desk.folder, env=env, capture_output=True, timeout=seconds + 60, check=False)
    texts = (done.stdout.decode("utf-8", "surrogateescape"), done.stderr.decode("utf-8", "surrogateescape"))
    return Ended(done.returncode, *texts), int(peak.read_text())


def check(desk: Desk, server: VideoServer, sorts: list[str], *, all_done: bool = False) -> None:
    """Run a healthy job before and after poisoned ones, and everything that shows them."""
    prompts = [HEALTHY[0], *(f"A red fox, poison {sort}" for sort in sorts), HEALTHY[1]]
    desk.write("rows.jsonl", "".join(json.dumps({"prompt": prompt}) + "\n" for prompt in prompts))
    workflow = str(desk.workflow(server.origin, brief='resolution = "480p"', rest="[limits]\nconcurrent = 2"))
    ended, memory = run(desk, "run", "rows.jsonl", "--workflow", workflow, "--yes")
    assert ended.code in (0, 1, 3), ended.text[-3000:]
    assert memory <= MEMORY
    sound(ended)
    listed = desk.reelwork("jobs", "list", "--json")
    sound(listed)
    jobs = listed.json
    assert len(jobs) == len(prompts)
    statuses = {job["prompt"].partition("poison ")[2] or "healthy": job["status"] for job in jobs}
    assert statuses.pop("healthy") == "done", ended.text[-3000:]
    assert all(job["status"] == "done" for job in jobs if "poison" not in job["prompt"])
    if all_done:
        assert set(statuses.values()) == {"done"}, (statuses, ended.text[-3000:])
    for ended in desk.each([*(["jobs", "show", job["id"]] for job in jobs), ["jobs", "list"]]):
        assert ended.code == 0, ended.text[-3000:]
        sound(ended)
    again, memory = run(desk, "resume")
    assert memory <= MEMORY
    sound(again)
    assert desk.store.stat().st_size < 5_000_000


def sound(ended: Ended) -> None:
    """Nothing steers the terminal, is endless, or is a traceback."""
    assert "Traceback" not in ended.text, ended.text[-3000:]
    assert "fault in Reelwork" not in ended.text, ended.text[-3000:]
    assert not STEERS.search(ended.text), STEERS.search(ended.text)
    longest = max(ended.text.splitlines(), key=len, default="")
    assert len(longest) < 10_000, longest


@pytest.mark.parametrize("at", EVERYWHERE, ids=place_of)
def test_what_is_said_of_a_video(desk: Desk, serve: Callable[..., VideoServer], at: dict[str, str]) -> None:
    shown: dict[str, int] = {}

    def poisoning(server: VideoServer, asked: Asked) -> Answer:
        job = server.jobs.get(asked.path.rsplit("/", 1)[1], {})
        sort, id_ = sort_of(job), str(job.get("id"))
        shown[id_] = shown.get(id_, 0) + 1
        return poisoned(job, at[sort], sort) if sort and shown[id_] < 3 else show(server, asked)

    def begun(server: VideoServer, asked: Asked) -> Answer:
        return Answer({**server.accept(asked), "status": "queued", "progress": 0})

    def lists(server: VideoServer, asked: Asked) -> Answer:
        return Answer({"error": {"message": "no lists here"}}, 404)

    server = serve(create=begun, show=poisoning, listing=lists)
    check(desk, server, list(at))


@pytest.mark.parametrize("at", EVERYWHERE, ids=place_of)
def test_what_answers_a_create(desk: Desk, serve: Callable[..., VideoServer], at: dict[str, str]) -> None:
    def poisoning(server: VideoServer, asked: Asked) -> Answer:
        job = server.accept(asked)
        sort = sort_of(job)
        return poisoned(job, at[sort], sort) if sort else Answer(job)

    check(desk, serve(create=poisoning), list(at))


@pytest.mark.parametrize("at", EVERYWHERE, ids=place_of)
def test_what_a_list_holds_of_strangers_when_an_answer_was_lost(
    desk: Desk, serve: Callable[..., VideoServer], at: dict[str, str]
) -> None:
    # One answer of too many parts is not read at all, nor would be the rest that is in it.
    sorts = [sort for sort in at if sort != "many"]

    def losing(server: VideoServer, asked: Asked) -> Answer:
        job = server.accept(asked)
        return LOST if "poison" in job["prompt"] else Answer(job)

    def lists(server: VideoServer, asked: Asked) -> Answer:
        jobs = list(server.jobs.values())
        theirs = [{**jobs[0], "id": f"video_theirs{sort}", "prompt": "Somebody else's"} for sort in sorts]
        entries = [json.dumps(job).encode() for job in jobs]
        entries += [poisoned(job, at[sort], sort).body for job, sort in zip(theirs, sorts, strict=True)]
        return Answer(b'{"object": "list", "has_more": false, "data": [' + b", ".join(entries) + b"]}")

    server = serve(create=losing, listing=lists)
    check(desk, server, ["lost"])
    assert server.creates == 3


@pytest.mark.parametrize("place", ["create", "show", "listing", "content"] if WHOLE else ["create", "show"])
def test_whole_bodies(desk: Desk, serve: Callable[..., VideoServer], place: str) -> None:
    answered: dict[str, int] = {}
    right: Mapping[str, Any] = {"create": create, "show": show, "listing": listing}

    def poisoning(server: VideoServer, asked: Asked) -> Answer:
        if place == "create":
            job = server.accept(asked)
            return BODIES[sort_of(job)]() if sort_of(job) else Answer(job)
        name = asked.path.removesuffix("/content").rsplit("/", 1)[1]
        job = server.jobs.get(name, {})
        answered[name] = answered.get(name, 0) + 1
        if sort_of(job) and answered[name] < 3:
            return BODIES[sort_of(job)]()
        if place == "content":
            return Answer(server.clip, headers={"Content-Type": "video/mp4"})
        return right[place](server, asked)  # type: ignore[no-any-return]

    def losing(server: VideoServer, asked: Asked) -> Answer:
        job = server.accept(asked)
        return LOST if sort_of(job) else Answer({**job, "status": "queued"})

    def list_of(server: VideoServer, asked: Asked) -> Answer:
        answered["list"] = answered.get("list", 0) + 1
        sorts = list(BODIES)
        return BODIES[sorts[answered["list"]]]() if answered["list"] < len(sorts) else listing(server, asked)

    def queued(server: VideoServer, asked: Asked) -> Answer:
        return Answer({**server.accept(asked), "status": "queued"})

    poisons = {"create": losing, "listing": list_of} if place == "listing" else {"create": queued, place: poisoning}
    server = serve(**poisons)
    check(desk, server, list(BODIES))
    assert answered or place == "create", "nobody asked for what is poisoned"


def test_half_a_character_in_a_batch_is_told_with_its_row(desk: Desk) -> None:
    desk.write("rows.jsonl", '{"prompt": "A fox"}\n{"prompt": "A cat \\ud83d", "id": "a"}\n')
    ended = desk.reelwork("run", "rows.jsonl", "--yes")
    assert ended.code == 2
    assert "line 2: prompt cannot be used: character 7 is half of a character" in ended.text
    sound(ended)


@pytest.mark.parametrize("written", [r"x\u001b]52;c;aGk=\u0007", r"a\nb", r"\u202egnp", r"\ud800"])
def test_an_id_that_is_not_clean_is_refused(desk: Desk, written: str) -> None:
    desk.write("rows.jsonl", f'{{"prompt": "A fox", "id": "{written}"}}\n')
    ended = desk.reelwork("run", "rows.jsonl", "--yes")
    assert ended.code == 2
    assert "the id cannot be used" in ended.text
    sound(ended)


@pytest.mark.parametrize("number", ["NaN", "1e999", "9" * 400, "9" * 5000])
def test_a_number_that_is_none_is_told_with_its_row(desk: Desk, number: str) -> None:
    desk.write("rows.jsonl", f'{{"prompt": "A fox", "metadata": {{"x": {number}}}}}\n')
    ended = desk.reelwork("run", "rows.jsonl", "--yes")
    assert ended.code == 2
    assert "line 1" in ended.text
    sound(ended)


def test_bytes_that_are_no_text_on_the_command_line(desk: Desk) -> None:
    command = [sys.executable, "-m", "reelwork", "run", b"A fox \xff", "--yes", "--json"]
    env = {**os.environ, "HOME": str(desk.folder), "REELWORK_STORE": str(desk.store)}
    done = subprocess.run(command, cwd=desk.folder, env=env, capture_output=True, timeout=60, check=False)
    assert done.returncode == 2
    assert b"cannot be used" in done.stderr
    assert b"Traceback" not in done.stderr
    json.loads(done.stdout)


def _shows_all_but(passing: str) -> str:
    return f"import re, reelwork.text as text\ntext._UNSHOWN = re.compile({passing!r})"


ANY_COUNT = "import reelwork.net.body as body\nbody.MOST_PARTS = 10**12"
ANY_LENGTH = "import reelwork.text as text\ntext.cut = lambda text, limit: text[:20_000]"
ANY_COPY = "import reelwork.text as text\ntext.copy_problem = lambda copy: ''"
ANY_NAME = "import reelwork.text as text\ntext.name_problem = lambda name: ''"
TOO_LARGE = r"<= 204800"
STEERED = "re.Match object"
MISTAKES = {
    "escapes pass": Mistake(_shows_all_but("[\\ud800-\\udfff]"), "message", "controls", STEERED),
    "overrides of the direction pass": Mistake(
        _shows_all_but("[\\x00-\\x08\\x0e-\\x1f\\x7f-\\x84\\x86-\\x9f\\ud800-\\udfff]"),
        "message", "overwritten", STEERED,
    ),
    "any number of parts is read": Mistake(ANY_COUNT, "message", "many", TOO_LARGE),
    "nothing is cut": Mistake(ANY_LENGTH, "message", "long", "wwww"),
    "half a character is copy": Mistake(ANY_COPY, "a row", "half", "half of a character"),
    "any id is taken": Mistake(ANY_NAME, "a row", "id", "== 2"),
}  # fmt: skip


@pytest.mark.parametrize("name", some(MISTAKES))
def test_a_mistake_in_taking_answers_is_found(
    desk: Desk, serve: Callable[..., VideoServer], tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch, name: str,
) -> None:  # fmt: skip
    mistake = MISTAKES[name]
    mistake.build_in(monkeypatch, tmp_path_factory.mktemp("mistake"))
    with pytest.raises(AssertionError, match=mistake.complaint):
        tried(mistake, desk, serve)


def tried(mistake: Mistake, desk: Desk, serve: Callable[..., VideoServer]) -> None:
    """Do what must find it."""
    if mistake.place == "a row":
        ROWS[mistake.sort](desk)
    else:
        test_what_is_said_of_a_video(desk, serve, {mistake.sort: mistake.place})


ROWS: Mapping[str, Callable[[Desk], None]] = {
    "half": test_half_a_character_in_a_batch_is_told_with_its_row,
    "id": lambda desk: test_an_id_that_is_not_clean_is_refused(desk, r"\u202egnp"),
}
