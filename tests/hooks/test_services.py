"""What the contract gives every plugin of a service: answers, refusals, lists, polls, models, notes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from reelwork.testing import Asked, sample_request, serving
from reelwork.testing.contexts import SampleContext
from reelwork_hooks import (
    AlreadyThere,
    Answer,
    Asset,
    Candidate,
    Expired,
    Idempotency,
    InvalidInput,
    KnownModel,
    Listing,
    Meaning,
    ModelSettings,
    Note,
    NotSent,
    OutcomeUnknown,
    OutOfFunds,
    Page,
    PriceList,
    Reference,
    Refusals,
    Rejected,
    RenderRef,
    RenderStatus,
    ResumableUpload,
    Role,
    Service,
    Submitted,
    Unavailable,
    UploadDone,
    UploadGone,
    UploadOpen,
    errors_as,
    http_address,
    poll_each,
    read_key,
    read_listing,
    time_of,
    value_at,
)

NOW = "Sun, 29 Nov 2026 07:00:00 GMT"


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ({"error": {"code": "too_dark", "message": "It is  too dark."}}, "too_dark", "It is too dark."),
        (
            {"detail": [{"loc": ["body", "seconds"], "msg": "at most 8", "type": "less"}]},
            "less",
            "seconds: at most 8",
        ),
        ({"detail": "no", "error_type": "locked"}, "locked", "no"),
        ({"code": 1101, "message": "arrears"}, "1101", "arrears"),
        (
            {"error": "invalid_grant", "error_description": "The code is old."},
            "",
            "invalid_grant: The code is old.",
        ),
        (
            {"error": {"code": 403, "message": "over", "errors": [{"reason": "quotaExceeded", "message": "x"}]}},
            "quotaExceeded",
            "over",
        ),
        ("gone", "", "gone"),
        (None, "", ""),
        ({"error": {"error": {"error": {"error": {"message": "too deep"}}}}}, "", ""),
        ({"code": True, "error": 7, "detail": {"message": ["a", 5, {"msg": "b"}]}}, "", "a; b"),
    ],
)
def test_what_is_wrong_is_read_wherever_a_service_puts_it(body: Any, code: str, message: str) -> None:
    answer = Answer(400, body)
    assert (answer.code, answer.message) == (code, message)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "30"}, 30.0),
        ({"retry-after-ms": "500", "retry-after": "30"}, 0.5),
        ({"retry-after": "Sun, 29 Nov 2026 07:02:00 GMT"}, 120.0),
        ({"retry-after": "-5"}, 0.0),
        ({"retry-after": "1e99"}, 3600.0),
        ({"retry-after": "soon"}, None),
        ({"x-ratelimit-reset": "2026-11-29T07:05:00.000Z"}, 300.0),
        ({"ratelimit-reset": "1795935660"}, 60.0),
        ({"x-rate-limit-reset": "1795935900"}, 300.0),
        ({"x-ratelimit-reset": "soon"}, None),
        ({}, None),
    ],
)
def test_a_pause_is_as_long_as_the_server_says_by_its_own_clock(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert Answer(429, None, {"date": NOW, **headers}).retry_after == seconds


def test_an_age_that_cannot_be_read_was_written_by_a_cache() -> None:
    ages = [Answer(200, None, headers).age for headers in ({}, {"age": "12"}, {"age": "old"}, {"age": "0"})]
    assert ages == [None, 12.0, 1.0, 0.0]


def test_json_is_reached_into_without_surprises() -> None:
    data = {"items": [{"id": "v1"}, 5]}
    assert value_at(data, "items", 0, "id") == "v1"
    assert [value_at(data, *steps) for steps in (("items", 2), ("items", "id"), ("items", 1, "id"), (0,))] == [
        None
    ] * 4
    assert time_of("2026-11-29T07:00:00Z") == time_of(1795935600) == time_of(1795935600000)
    assert time_of("2026-11-29T07:00:00") == datetime(2026, 11, 29, 7, tzinfo=UTC)
    assert [time_of(one) for one in ("dawn", None, True, 1e300)] == [None] * 4


@pytest.mark.parametrize(
    "address", ["ftp://a", "https://", "me", "https://u:p@a.example", "https://a.example/?q=1", "https://[1"]
)
def test_an_address_that_is_none_or_holds_a_password_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match=r"http\(s\) address") as refused:
        http_address(address)
    assert "u:p" not in str(refused.value)


TABLE = Refusals(
    codes={
        "busy": Meaning("wait", "no place is free", seconds=9.0),
        "broke": Meaning("funds", hint="Pay."),
        "mine": Meaning("exists"),
        "odd": Meaning("unknown"),
    },
    statuses={401: Meaning("lasting", hint="Check the key.")},
    pause=5.0,
)


@pytest.mark.parametrize(
    ("status", "body", "headers", "kind"),
    [
        (200, {}, {}, OutcomeUnknown),
        (302, {}, {}, OutcomeUnknown),
        (408, {"code": "busy"}, {}, OutcomeUnknown),
        (409, {"code": "broke"}, {}, OutcomeUnknown),
        (503, {"code": "busy"}, {}, OutcomeUnknown),
        (425, {}, {}, OutcomeUnknown),
        (400, {"code": "odd"}, {}, OutcomeUnknown),
        (429, {}, {"x-oneapi-request-id": "1"}, OutcomeUnknown),
        (400, {"code": "mine"}, {}, AlreadyThere),
        (422, {"message": "this request already exists"}, {}, AlreadyThere),
        (409, {"message": "Idempotency key in use"}, {}, AlreadyThere),
        (429, {"code": "busy"}, {}, NotSent),
        (429, {}, {}, NotSent),
        (401, {}, {}, NotSent),
        (400, {"code": "broke"}, {}, OutOfFunds),
        (402, {}, {}, OutOfFunds),
        (429, {"message": "your quota is used up"}, {}, OutOfFunds),
        (404, {}, {}, Rejected),
        (422, {"code": "dark"}, {}, Rejected),
    ],
)
def test_what_an_answer_to_a_paid_request_proves(
    status: int, body: Any, headers: dict[str, str], kind: type[Exception]
) -> None:
    answer = Answer(status, body, headers)
    assert type(TABLE.of(answer, f"it answered {answer.words}")) is kind


def test_a_request_that_names_something_was_accepted_whatever_its_status() -> None:
    for status in (400, 402, 422, 429):
        assert type(TABLE.of(Answer(status, {"code": "broke"}), "no", named=True)) is OutcomeUnknown
        assert type(TABLE.of(Answer(status, {"code": "busy"}), "no", remote_id="r1")) is OutcomeUnknown


def test_pauses_words_and_next_steps_are_passed_on() -> None:
    busy, asked = TABLE.of(Answer(429, {"code": "busy"}), "a"), TABLE.of(Answer(429, {}, {"retry-after": "7"}), "a")
    assert isinstance(busy, NotSent)
    assert isinstance(asked, NotSent)
    assert (busy.message, busy.retry_after, asked.retry_after) == ("a: no place is free", 9.0, 7.0)
    key = TABLE.of(Answer(401), "a")
    assert isinstance(key, NotSent)
    assert (key.lasting, key.hint) == (True, "Check the key.")
    dark = TABLE.of(Answer(422, {"code": "dark"}), "a")
    assert isinstance(dark, Rejected)
    assert dark.code == "dark"


@pytest.mark.parametrize(
    ("status", "kind"),
    [(200, Unavailable), (503, Unavailable), (429, Unavailable), (409, Unavailable), (401, InvalidInput),
     (402, OutOfFunds), (422, Rejected)],
)  # fmt: skip
def test_what_may_be_repeated_is_asked_again_where_it_is_unclear(status: int, kind: type[Exception]) -> None:
    error = TABLE.of_repeatable(Answer(status), "a")
    assert type(error) is kind
    assert status != 429 or error.retry_after == 5.0  # type: ignore[attr-defined]


def test_errors_are_raised_as_what_the_plugin_knows_them_to_mean() -> None:
    with pytest.raises(NotSent, match="key: none") as known, errors_as(NotSent, lead="key: ", lasting=True):
        raise InvalidInput("none", hint="Set it.")
    assert (known.value.lasting, known.value.hint) == (True, "Set it.")
    with pytest.raises(Unavailable) as later, errors_as(Unavailable, (NotSent, OutcomeUnknown)):
        raise NotSent("busy", retry_after=3.0)
    assert later.value.retry_after == 3.0
    with pytest.raises(OutOfFunds), errors_as(NotSent):
        raise OutOfFunds("broke")
    with pytest.raises(KeyError), errors_as(NotSent):
        raise KeyError("a bug")
    with pytest.raises(Rejected, match="cells"), errors_as(Rejected, ValueError, code="invalid"):
        raise ValueError("cells")


Pages = list[tuple[list[Any] | None, Any]]


def read(pages: Pages, total: int | None = None, **changes: Any) -> Listing[Submitted]:
    """Read a list of these pages, each with where the next one is."""
    asked: list[Any] = []

    async def page_at(place: Any) -> Page:
        asked.append(place)
        entries, after = pages[0 if place is None else int(place)]
        return Page(Answer(200, None, {"date": NOW, "age": str(len(asked))}), entries, after, total)

    def candidate(entry: Any) -> Candidate[Submitted] | None:
        return Candidate(Submitted(remote_id=entry)) if isinstance(entry, str) else None

    return asyncio.run(read_listing(page_at, candidate, of="the list", **changes))


@pytest.mark.parametrize(
    ("pages", "changes", "ids", "why"),
    [
        ([(["a", "b"], 1), (["c"], None)], {}, "abc", ""),
        ([(["a"], 1), ([], None)], {}, "a", ""),
        ([([], None)], {}, "", ""),
        ([(["a"], 1), ([], 2), (["b"], None)], {}, "ab", ""),
        ([(["a"], 1), (["b", 5], None)], {}, "ab", "the list holds entries that cannot be read"),
        ([(["a"], 1), (None, None)], {}, "a", "the list cannot be read"),
        ([(["a"], 1), (["b"], 1)], {}, "ab", "the list repeats a page"),
        ([(["a"], 1), (["a", "b"], None)], {}, "aab", "the list names an id twice"),
        # Its entries are not listed twice, else each would look like a second one.
        ([(["a", "b"], 1), (["a", "b"], 2), (["c"], None)], {}, "ab", "the list repeats a page"),
        ([(["a"], 1), (["b"], 2), (["c"], None)], {"most_pages": 2}, "ab", "the list has more than 2 pages"),
        ([(["a", "b"], 1), (["b", "c"], 2), (["c"], 2)], {"overlap": 2}, "abc", ""),
        ([(["a", "b"], 1), (["a", "b"], 2)], {"overlap": 2}, "ab", "the list repeats a page"),
        ([(["a", "x", "b"], 1), (["c"], None)], {"until": lambda one: one.result.remote_id == "x"}, "axb",
         "it was read until ours was found"),
    ],
)  # fmt: skip
def test_a_list_is_complete_only_where_its_end_was_seen(
    pages: Pages, changes: dict[str, Any], ids: str, why: str
) -> None:
    listing = read(pages, **changes)
    assert "".join(one.result.remote_id for one in listing.candidates) == ids
    assert listing.why == why
    assert listing.complete is not bool(why)
    assert listing.date == datetime(2026, 11, 29, 7, tzinfo=UTC)


def test_a_list_is_as_old_as_its_oldest_page_and_tells_its_total() -> None:
    listing = read([(["a"], 1), (["b"], None)], total=3)
    # Its first page is read once more, as the third.
    assert (listing.age, listing.total) == (3.0, 3)


@pytest.mark.parametrize(
    ("again", "ids", "why"),
    [
        (["a", "b"], "abc", ""),
        # What is new comes first, and may push others off the page.
        (["new", "a"], "abcnew", ""),
        (["new", "a", "b"], "abcnew", ""),
        (["b", "a"], "abc", "the list changed while it was read"),
        (["a", "c"], "abc", "the list changed while it was read"),
        (["a"], "abc", "the list changed while it was read"),
        ([], "abc", "the list changed while it was read"),
        (None, "abc", "the list changed while it was read"),
        (["a", "b", 5], "abc", "the list holds entries that cannot be read"),
    ],
)
def test_a_first_page_that_changed_meanwhile_is_seen_by_reading_it_again(
    again: list[Any] | None, ids: str, why: str
) -> None:
    class Moving(list[Any]):
        def __getitem__(self, index: Any) -> Any:
            found = super().__getitem__(index)
            self[0] = (again, 1)
            return found

    listing = read(Moving([(["a", "b"], 1), (["c"], None)]), again=True)
    assert "".join(one.result.remote_id for one in listing.candidates) == ids
    assert (listing.why, listing.complete) == (why, not why)


class Shelf:
    """A list by page number, newest first, without a total; something happens to it before one of the reads."""

    def __init__(self, entries: str, happens: int, change: Callable[[list[str]], None]) -> None:
        self.entries, self._happens, self._change = list(entries), happens, change
        self.reads = 0

    async def page_at(self, number: int | None) -> Page:
        if self.reads == self._happens:
            self._change(self.entries)
        self.reads += 1
        at = ((number or 1) - 1) * 2
        entries = self.entries[at : at + 2]
        return Page(Answer(200), entries, (number or 1) + 1 if entries else None)

    def read(self) -> Listing[Submitted]:
        def candidate(entry: Any) -> Candidate[Submitted]:
            return Candidate(Submitted(remote_id=entry))

        return asyncio.run(read_listing(self.page_at, candidate, of="the list"))


@pytest.mark.parametrize("length", range(1, 9))
def test_a_list_by_number_from_which_an_entry_goes_is_never_taken_for_whole_without_another(length: int) -> None:
    entries, whole = "abcdefgh"[:length], 0
    for happens in range(2 * length + 2):
        for gone in entries:
            shelf = Shelf(entries, happens, lambda there, gone=gone: there.remove(gone))  # type: ignore[misc]
            listing = shelf.read()
            shown = [one.result.remote_id for one in listing.candidates]
            whole += listing.complete
            assert not listing.complete or {*entries} - {gone} <= {*shown}, (happens, gone, shown)
    # What happens before the first read, or after the last one, makes no list incomplete.
    assert whole >= 2 * length


@pytest.mark.parametrize("length", range(1, 9))
def test_a_list_by_number_to_which_an_entry_comes_stays_whole_or_says_that_it_is_not(length: int) -> None:
    entries = "abcdefgh"[:length]
    for happens in range(2 * length + 2):
        listing = Shelf(entries, happens, lambda there: there.insert(0, "new")).read()
        assert not listing.complete or {*entries} <= {one.result.remote_id for one in listing.candidates}


def test_a_list_by_cursors_is_compared_by_its_first_page_alone() -> None:
    asked: list[Any] = []
    pages = {None: (["a"], "x"), "x": (["b"], "y"), "y": (["c"], None)}

    async def page_at(place: Any) -> Page:
        asked.append(place)
        return Page(Answer(200), *pages[place])

    listing = asyncio.run(
        read_listing(page_at, lambda one: Candidate(Submitted(remote_id=one)), of="the list", again=True)
    )
    assert (listing.complete, asked) == (True, [None, "x", "y", None])


def test_one_page_alone_is_not_read_again() -> None:
    listing = read([(["a"], None)], again=True)
    assert (listing.complete, listing.age) == (True, 1.0)


def test_a_total_that_is_not_met_shows_that_the_list_was_cut() -> None:
    listing = read([(["a"], 1), (["b"], None)], total=3)
    assert (listing.complete, listing.why) == (False, "the list shows 2 of 3 entries")
    assert read([(["a"], 1), (["b"], None)], total=2).complete


def test_a_page_says_itself_why_it_cannot_be_read() -> None:
    async def page_at(place: Any) -> Page:
        return Page(Answer(404), None, None, why="the list was answered 404")

    listing = asyncio.run(read_listing(page_at, lambda _: None, of="the list"))
    assert (listing.complete, listing.why) == (False, "the list was answered 404")


def test_lists_of_one_service_are_whole_only_together() -> None:
    whole, part = read([(["a"], None)]), read([(["b", 5], None)])
    assert Listing.joined(whole, whole).complete
    joined = Listing.joined(whole, part)
    assert (len(joined.candidates), joined.complete, joined.why) == (2, False, part.why)


def polled(look: Callable[[RenderRef], Awaitable[RenderStatus]], count: int, **changes: Any) -> list[RenderStatus]:
    refs = [
        RenderRef(remote_id=f"r{number}", request=sample_request(), submitted_at=datetime.now(UTC))
        for number in range(count)
    ]
    return asyncio.run(poll_each(refs, look, **changes))


def test_one_render_that_cannot_be_read_loses_none_of_the_others() -> None:
    async def look(render: RenderRef) -> RenderStatus:
        if render.remote_id == "r0":
            raise Unavailable("busy")
        if render.remote_id == "r1":
            raise Expired("not known")
        if render.remote_id == "r4":
            return RenderStatus(remote_id="r4", state="running", charged="perhaps")  # type: ignore[arg-type]
        return RenderStatus(remote_id=render.remote_id, state="running")

    assert {one.remote_id: one.state for one in polled(look, 5)} == {"r1": "lost", "r2": "running", "r3": "running"}
    with pytest.raises(Unavailable, match="busy"):
        polled(look, 1)
    assert polled(look, 0) == []


def test_of_too_many_renders_each_has_its_turn() -> None:
    seen: set[str] = set()
    running, most = 0, 0

    async def look(render: RenderRef) -> RenderStatus:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        seen.add(render.remote_id)
        return RenderStatus(remote_id=render.remote_id, state="running")

    for _ in range(200):
        assert len(polled(look, 6, most=3, at_once=2)) == 3
    assert (len(seen), most) == (6, 2)


_PARTS = {"duration": "length", "resolution": "size", "seed": "seed"}
MODEL = KnownModel(
    inputs={**_PARTS, "last_frame": "end", "first_frame": "start"},
    length="seconds", durations=(4.0, 8.0), resolutions=("480p", "720p"), needs=("first_frame",),
    prices=PriceList(
        per_second={"480p": Decimal("0.1"), "720p": Decimal("0.2")}, silent={"480p": Decimal("0.05")},
        as_of=date(2026, 11, 29), source="its page",
    ),
)  # fmt: skip
PIER = Reference(source="https://a.example/pier.png")


def test_a_model_as_data_makes_capabilities_and_requests() -> None:
    can = MODEL.capabilities(Idempotency.LOOKUP, settle_seconds=9)
    assert (can.reference_roles, can.references, can.default_resolution) == (
        ("first_frame", "last_frame"),
        2,
        "720p",
    )
    assert (can.wire_names, can.settle_seconds) == ({"duration": "length", "resolution": "size", "seed": "seed"}, 9)
    assert can.price is not None
    assert can.price.per_second == Decimal("0.2")
    request = sample_request(references=[PIER], spec=sample_request().spec.replace(duration=4))
    MODEL.check(request, "lens-1")
    assert MODEL.body(request, ["p1"]) == {
        "prompt": request.prompt, "length": "4s", "size": request.spec.resolution, "start": "p1",
    }  # fmt: skip
    with pytest.raises(InvalidInput, match="needs a reference as first_frame"):
        MODEL.check(sample_request(), "lens-1")
    with pytest.raises(InvalidInput, match="no second reference as first_frame"):
        MODEL.check(sample_request(references=[PIER, PIER]), "lens-1")
    with pytest.raises(InvalidInput, match="nothing is known of the model lens-9"):
        KnownModel().check(request, "lens-9")


def test_the_settings_go_before_the_data() -> None:
    told = ModelSettings(inputs={"duration": "seconds", "seed": ""}, length="number", durations=(5,))
    changed = MODEL.changed_by(told)
    assert (changed.inputs["duration"], "seed" in changed.inputs, changed.length) == ("seconds", False, "number")
    assert (changed.durations, changed.resolutions) == ((5.0,), MODEL.resolutions)


def test_a_listed_input_is_read_back_as_what_was_asked_for() -> None:
    request = sample_request(references=[PIER], spec=sample_request().spec.replace(duration=4))
    untold = MODEL.untold(request, {"cfg": 0.5}, ["p1"])
    assert untold == {"start": "p1", "end": None, "cfg": 0.5}
    given = {**MODEL.body(request, ["p1"]), "cfg": "0.50"}
    assert MODEL.fields_in(given, request, untold) == {
        "prompt": request.prompt, "duration": 4.0, "size": request.spec.size,
    }  # fmt: skip
    other = MODEL.fields_in({**given, "start": "p2", "size": "9k"}, request, untold)
    assert (other["differs_in"], "prompt" in other, other["size"] == request.spec.size) == ("start", False, False)


def test_a_height_without_a_price_is_not_reserved_by_another() -> None:
    prices, spec = MODEL.prices, sample_request().spec
    assert prices is not None
    assert prices.dearest(("480p", "4k")) is None
    quotes = [prices.quote(spec.replace(resolution=one), silent=True) for one in ("480p", "720p")]
    assert quotes[0] is not None
    assert (quotes[0].most, quotes[0].basis, quotes[1]) == (
        Decimal("0.05") * Decimal(str(spec.duration)), f"{spec.duration:g} s at 480p without sound", None
    )  # fmt: skip


@pytest.mark.parametrize("key", ["", "  ", "k\u00e9y", "a\nb"])
def test_a_key_that_no_header_can_carry_is_said_before_anything_is_sent(
    key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LENS_KEY", key)
    with pytest.raises(InvalidInput, match="LENS_KEY") as refused:
        asyncio.run(read_key(SampleContext(tmp_path), "env:LENS_KEY"))
    assert not key.strip() or key not in refused.value.message
    monkeypatch.setenv("LENS_KEY", "k1")
    assert asyncio.run(read_key(SampleContext(tmp_path), "env:LENS_KEY")) == "k1"


def test_a_note_is_changed_only_where_nobody_else_has_changed_it(tmp_path: Path) -> None:
    async def play() -> None:
        note, other = (Note(context.state, "upload 1") for _ in range(2))
        assert await note.read() is None
        assert await note.write({"at": "https://up.example/1"}, was=None)
        assert not await other.write({"at": "https://up.example/2"}, was=None)
        assert await other.change(final=True)
        assert not await note.write({"at": "x"}, was={"at": "https://up.example/1"})
        assert await note.read() == {"at": "https://up.example/1", "final": True}
        await note.forget()
        assert await other.read() is None
        assert not await other.change(final=False)

    context = SampleContext(tmp_path)
    asyncio.run(play())


def test_an_upload_goes_on_where_the_service_says_and_makes_one_thing(tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    film.write_bytes(bytes(range(250)))
    arrived, spans = bytearray(), list[str]()

    def answer(asked: Asked) -> tuple[int, Any] | tuple[int, Any, dict[str, str]]:
        assert asked.headers["authorization"] == "Bearer t"
        span = asked.headers["content-range"]
        spans.append(span)
        if not span.startswith("bytes */"):
            start = int(span.split()[1].split("-")[0])
            # Half of the first piece is lost on the way.
            arrived[start:] = asked.body[:50] if start == 0 else asked.body
        if len(arrived) == 250:
            return 200, {"id": "v1"}
        return (308, b"", {"Range": f"bytes=0-{len(arrived) - 1}"}) if arrived else (308, b"")

    async def play(url: str) -> None:
        service = Service(SampleContext(tmp_path), [url], auth={"Authorization": "Bearer t"})
        video = Asset.from_file(film, Role.VIDEO, media_type="video/mp4")
        upload = ResumableUpload(service, f"{url}/up/1", video, "lens", repeatable=True)
        assert await upload.ask() == UploadOpen(0)
        status = await upload.up_to_last(0, 100, lambda one: AssertionError(one.words))  # type: ignore[arg-type,return-value]
        assert status == UploadOpen(upload.last(100)) == UploadOpen(200)
        done = await upload.send(200, 250)
        assert isinstance(done, UploadDone)
        assert done.answer.text_at("id") == "v1"
        assert isinstance(await upload.ask(), UploadDone)

    with serving(answer) as url:
        asyncio.run(play(url))
    assert bytes(arrived) == film.read_bytes()
    assert spans == [
        "bytes */250", "bytes 0-99/250", "bytes 50-99/250", "bytes 100-199/250", "bytes 200-249/250", "bytes */250",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("status", "refused", "expected"),
    [(404, False, UploadGone), (403, True, UploadGone), (403, False, Unavailable)],
)
def test_a_session_that_tells_nothing_is_not_taken_for_an_end(
    tmp_path: Path, status: int, refused: bool, expected: type[Any]
) -> None:
    film = tmp_path / "film.mp4"
    film.write_bytes(b"film")

    async def ask(url: str) -> Any:
        service = Service(SampleContext(tmp_path), [url])
        video = Asset.from_file(film, Role.VIDEO, media_type="video/mp4")
        try:
            return await ResumableUpload(service, url, video, "lens").ask(refused=refused)
        except Unavailable as error:
            return error

    with serving(lambda asked: (status, b"")) as url:
        assert isinstance(asyncio.run(ask(url)), expected)
