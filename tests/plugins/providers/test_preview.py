from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import av
import pytest
from PIL import Image, ImageChops, ImageStat

from reelwork.testing import SampleContext
from reelwork_hooks import (
    Effect,
    Expired,
    Found,
    NotDone,
    Reference,
    Rejected,
    RenderRef,
    RenderRequest,
    RenderStatus,
    Spec,
    Submitted,
    Unavailable,
)
from reelwork_plugins.providers.preview import register_providers
from reelwork_plugins.providers.preview.lettering import fit, printable, width_of, wrap
from reelwork_plugins.providers.preview.provider import PreviewConfig, PreviewProvider
from reelwork_plugins.providers.preview.render import render_preview
from reelwork_plugins.providers.preview.workshop import Progress, Workshop


def a_request(
    prompt: str = "A corgi surfing", size: str = "320x180", duration: float = 1, **spec: object
) -> RenderRequest:
    width, height = map(int, size.split("x"))
    values = {"aspect_ratio": "16:9", "resolution": "480p", "duration": duration, "fps": 24, **spec}
    return RenderRequest(prompt=prompt, spec=Spec.model_validate({"width": width, "height": height, **values}))


def a_ref(submitted: Submitted, request: RenderRequest) -> RenderRef:
    return RenderRef(remote_id=submitted.remote_id, request=request, submitted_at=datetime.now(UTC))


def drawn(path: Path, request: RenderRequest) -> list[Image.Image]:
    render_preview(path, request)
    return decoded(path)


def decoded(path: Path) -> list[Image.Image]:
    with av.open(str(path)) as clip:
        return [frame.to_image() for frame in clip.decode(video=0)]  # type: ignore[no-untyped-call]


def difference(one: Image.Image, other: Image.Image) -> float:
    return float(sum(ImageStat.Stat(ImageChops.difference(one, other)).mean))


def provider_on(folder: Path) -> PreviewProvider:
    return PreviewProvider(PreviewConfig(), SampleContext(folder, "preview"))


async def finished(provider: PreviewProvider, ref: RenderRef) -> RenderStatus:
    seen = {"queued": 0, "running": 1}
    rank = 0
    async with asyncio.timeout(60):
        while True:
            (status,) = await provider.poll([ref])
            if status.state not in seen:
                return status
            assert seen[status.state] >= rank
            rank = seen[status.state]
            await asyncio.sleep(0.01)


# The clip


@pytest.mark.parametrize(
    ("size", "fps", "duration", "frames"),
    [
        ("128x72", 30, 0.5, 15),
        ("72x128", 12, 1.04, 12),
        ("320x180", 24, 2, 48),
        ("202x360", 25, 0.98, 24),
        ("512x512", 50, 0.5, 25),
        ("560x240", 60, 0.5, 30),
        ("320x180", None, 1.5, 45),
    ],
)
def test_has_exactly_the_size_rate_and_length(
    tmp_path: Path, size: str, fps: int | None, duration: float, frames: int
) -> None:
    path = tmp_path / "clip.mp4"
    render_preview(path, a_request(size=size, fps=fps, duration=duration))
    with av.open(str(path)) as clip:
        stream = clip.streams.video[0]
        pictures = list(clip.decode(video=0))
        assert stream.average_rate == (fps or 30)
        assert stream.frames == frames
        assert stream.codec_context.name == "h264"
        assert stream.codec_context.pix_fmt == "yuv420p"
        context = stream.codec_context
        assert (context.color_primaries, context.color_trc, context.colorspace, context.color_range) == (
            1,
            1,
            1,
            1,
        )
        assert clip.duration is not None
        assert clip.duration / 1_000_000 == pytest.approx(frames / (fps or 30), abs=0.002)
    assert {f"{picture.width}x{picture.height}" for picture in pictures} == {size}
    assert len(pictures) == frames
    assert [picture.time for picture in pictures] == pytest.approx([i / (fps or 30) for i in range(frames)])


def test_can_start_playing_before_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    render_preview(path, a_request())
    assert boxes(path) == ["ftyp", "moov", "free", "mdat"]


def boxes(path: Path) -> list[str]:
    content, names, at = path.read_bytes(), [], 0
    while at < len(content):
        names.append(content[at + 4 : at + 8].decode("ascii"))
        at += int.from_bytes(content[at : at + 4])
    return names


def test_same_request_gives_same_bytes(tmp_path: Path) -> None:
    request = a_request(seed=4, size="640x360")
    first, second = tmp_path / "first.mp4", tmp_path / "second.mp4"
    render_preview(first, request)
    render_preview(second, request)
    assert first.read_bytes() == second.read_bytes()


def test_prompt_and_seed_change_the_picture(tmp_path: Path) -> None:
    by_seed = [drawn(tmp_path / f"{n}.mp4", a_request(seed=n))[0] for n in (1, 2)]
    other = drawn(tmp_path / "other.mp4", a_request(prompt="A cat", seed=1))[0]
    assert difference(*by_seed) > 5
    assert difference(by_seed[0], other) > 5


def test_the_picture_moves_from_the_first_frame_to_the_last(tmp_path: Path) -> None:
    frames = drawn(tmp_path / "clip.mp4", a_request(size="640x360", duration=2))
    assert difference(frames[0], frames[-1]) > 1
    assert difference(frames[10], frames[30]) > 0.5


def test_the_progress_bar_grows_to_the_full_width(tmp_path: Path) -> None:
    frames = drawn(tmp_path / "clip.mp4", a_request(size="640x360", quality="hd"))
    reach = [bar_reach(frame) for frame in (frames[0], frames[11], frames[-1])]
    assert reach[0] < 0.12
    assert reach[1] == pytest.approx(0.5, abs=0.03)
    assert reach[2] > 0.97


def bar_reach(frame: Image.Image) -> float:
    """Where, between the margins, the bar's bright part ends."""
    row = next(y for y in range(frame.height - 1, 0, -1) if luma(frame, 40, y) > 60 and luma(frame, 26, y) > 60)
    bright = [x for x in range(24, frame.width - 24) if luma(frame, x, row) > 130]
    return (max(bright) - 24) / (frame.width - 48)


def luma(frame: Image.Image, x: int, y: int) -> int:
    value = frame.convert("L").getpixel((x, y))
    assert isinstance(value, int)
    return value


def test_hd_keeps_more_detail(tmp_path: Path) -> None:
    standard, hd = tmp_path / "standard.mp4", tmp_path / "hd.mp4"
    render_preview(standard, a_request(size="640x360"))
    render_preview(hd, a_request(size="640x360", quality="hd"))
    assert hd.stat().st_size > standard.stat().st_size


def test_label_and_facts_are_drawn(tmp_path: Path) -> None:
    plain, other = tmp_path / "plain.mp4", tmp_path / "other.mp4"
    render_preview(plain, a_request(size="640x360"))
    render_preview(other, a_request(size="640x360"), label="SIMULATED", facts={"platform": "tiktok"})
    before, after = decoded(plain)[0], decoded(other)[0]
    assert difference(before.crop((0, 0, 640, 180)), after.crop((0, 0, 640, 180))) > 2
    assert difference(before.crop((100, 310, 540, 335)), after.crop((100, 310, 540, 335))) > 2


@pytest.mark.parametrize(
    "prompt",
    [
        "Кот и пёс пьют кофе — Ωραία μέρα, é ü ß ½",
        "שלום עולם, مرحبا بالعالم",
        "猫が海で泳ぐ、夕焼けの空の下で波に乗るコーギー犬" * 4,
        "नमस्ते 😀👩‍🚀 e\u0301 a\u0300",
        "tabs\tand\nnew lines\x00\x1b and \udfff \ufffe",
        "Donaudampfschifffahrtsgesellschaftskapitän" * 20,
        "word " * 6000,
        "\u200b\u2028 ",
    ],
)
def test_any_text_can_be_drawn(tmp_path: Path, prompt: str) -> None:
    request = a_request().model_copy(update={"prompt": prompt})
    for size in ("128x72", "202x360"):
        width, height = map(int, size.split("x"))
        sized = request.model_copy(update={"spec": request.spec.replace(width=width, height=height, duration=0.5)})
        assert len(drawn(tmp_path / "clip.mp4", sized)) == 12


def test_cyrillic_and_greek_have_letters_of_their_own() -> None:
    from reelwork_plugins.letters import draws, font

    assert all(draws(font(16), letter) for letter in "éßЖщΩλעشṼ—½")
    assert not draws(font(16), "\U0010abcd")


def test_lines_stay_within_the_width_and_keep_every_word() -> None:
    text = "Neon streets in the rain, Rindfleischetikettierungsüberwachungsaufgabe, 夕焼けの空の下で"
    lines = wrap(text, 20, 200)
    assert all(width_of(line, 20) <= 200 for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_too_long_a_text_ends_with_an_ellipsis() -> None:
    size, lines = fit("word " * 200, 300, 100, 40, 12, 3, 8)
    assert size == 12
    assert len(lines) * size < 100
    assert lines[-1].endswith("…")
    assert len(printable("x" * 5000)) == 701


def test_a_reference_picture_becomes_the_background(tmp_path: Path) -> None:
    Image.new("RGB", (400, 300), (0, 255, 0)).save(tmp_path / "green.png")
    request = a_request(quality="hd")
    with_picture = request.replace(references=(Reference(source=str(tmp_path / "green.png")),))
    red, green, blue = ImageStat.Stat(drawn(tmp_path / "clip.mp4", with_picture)[0].crop((0, 0, 40, 40))).mean
    assert green > red + 60
    assert green > blue + 60


def test_a_reference_clip_gives_its_first_frame(tmp_path: Path) -> None:
    render_preview(tmp_path / "reference.mp4", a_request(prompt="reference"))
    request = a_request()
    plain = drawn(tmp_path / "plain.mp4", request)[0]
    shown = request.replace(references=(Reference(source=str(tmp_path / "reference.mp4")),))
    assert difference(plain, drawn(tmp_path / "shown.mp4", shown)[0]) > 5


def test_an_unreadable_or_remote_reference_is_named_instead(tmp_path: Path) -> None:
    (tmp_path / "notes.png").write_text("not a picture")
    request = a_request(size="640x360")
    plain = drawn(tmp_path / "plain.mp4", request)[0]
    for source in (str(tmp_path / "notes.png"), "https://example.com/cat.png"):
        named = drawn(tmp_path / "named.mp4", request.replace(references=(Reference(source=source),)))[0]
        assert difference(plain.crop((0, 0, 640, 60)), named.crop((0, 0, 640, 60))) < 3
        assert difference(plain.crop((100, 310, 540, 335)), named.crop((100, 310, 540, 335))) > 2


def test_progress_is_reported_and_can_stop_the_render(tmp_path: Path) -> None:
    seen: list[float] = []
    render_preview(tmp_path / "clip.mp4", a_request(), on_progress=seen.append)
    assert seen == sorted(seen)
    assert len(seen) == 24
    assert seen[-1] == 100

    def stop(percent: float) -> None:
        if percent > 40:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        render_preview(tmp_path / "stopped.mp4", a_request(), on_progress=stop)
    assert [file.name for file in tmp_path.iterdir()] == ["clip.mp4"]


# The provider


def test_importing_the_plugin_is_light() -> None:
    code = (
        "import sys, reelwork_plugins.providers.preview as p; p.register_providers();"
        "print(sorted({'av', 'PIL', 'httpx'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert register_providers() == {"preview": PreviewProvider}


def test_submit_poll_fetch(tmp_path: Path) -> None:
    async def scenario() -> None:
        provider, request = provider_on(tmp_path), a_request()
        ref = a_ref(await provider.submit(request, Effect("key-1")), request)
        with pytest.raises(Unavailable):
            await provider.fetch(ref)
        status = await finished(provider, ref)
        assert (status.state, status.progress, status.charged) == ("completed", 100, False)
        assert status.cost == 0
        source = await provider.fetch(ref)
        assert len(decoded(source.path)) == 24
        await provider.close()

    asyncio.run(scenario())


def test_same_key_is_one_render_and_another_key_another(tmp_path: Path) -> None:
    async def scenario() -> None:
        provider, request = provider_on(tmp_path), a_request()
        assert isinstance(await provider.find(request, Effect("key-1")), NotDone)
        first = await provider.submit(request, Effect("key-1"))
        again = await provider.submit(request, Effect("key-1", attempt=2))
        other = await provider.submit(request, Effect("key-2"))
        assert first.remote_id == again.remote_id != other.remote_id
        found = await provider.find(request, Effect("key-1"))
        assert isinstance(found, Found)
        assert [candidate.remote_id for candidate in found.candidates] == [first.remote_id]
        assert len(list((tmp_path / "work" / "preview").iterdir())) == 2

    asyncio.run(scenario())


def test_many_renders_finish_in_one_round_of_polls(tmp_path: Path) -> None:
    async def scenario() -> None:
        provider, request = provider_on(tmp_path), a_request(size="128x72", duration=0.5)
        refs = [a_ref(await provider.submit(request, Effect(f"key-{n}")), request) for n in range(7)]
        states: set[str] = set()
        async with asyncio.timeout(60):
            while states != {"completed"}:
                statuses = await provider.poll(refs)
                assert [status.remote_id for status in statuses] == [ref.remote_id for ref in refs]
                states = {status.state for status in statuses}
                assert sum(status.state == "running" and (status.progress or 0) > 0 for status in statuses) <= 2
        assert len({(await provider.fetch(ref)).path.read_bytes() for ref in refs}) == 1

    asyncio.run(scenario())


KILLED = """
import asyncio, os, sys
from pathlib import Path
from reelwork_plugins.providers.preview.render import render_preview
from reelwork_hooks import RenderRequest
work = Path(sys.argv[1])
(stored,) = work.glob("*.json")
def die(percent):
    if percent > 90: os._exit(9)
render_preview(
    stored.with_suffix(".mp4"), RenderRequest.model_validate_json(stored.read_bytes()), on_progress=die
)
"""


def test_a_render_cut_short_by_a_kill_is_drawn_by_the_next_process(tmp_path: Path) -> None:
    async def scenario() -> None:
        request = a_request(duration=6)
        submitted = await provider_on(tmp_path).submit(request, Effect("key-1"))
        work = tmp_path / "work" / "preview"
        done = await asyncio.to_thread(subprocess.run, [sys.executable, "-c", KILLED, str(work)])
        assert done.returncode == 9
        assert not list(work.glob("preview_*.mp4"))
        assert len(list(work.glob("*.part"))) == 1

        second, ref = provider_on(tmp_path), a_ref(submitted, request)
        assert (await finished(second, ref)).state == "completed"
        assert len(decoded((await second.fetch(ref)).path)) == 144

    asyncio.run(scenario())


def test_leftovers_of_a_kill_are_removed_once_they_are_old(tmp_path: Path) -> None:
    async def scenario() -> None:
        provider, request = provider_on(tmp_path), a_request()
        ref = a_ref(await provider.submit(request, Effect("key-1")), request)
        old, young = (tmp_path / "work" / "preview" / f".preview_{name}.mp4.1-1.part" for name in ("old", "young"))
        for part in (old, young):
            part.write_bytes(b"half")
        os.utime(old, (0, 0))
        await finished(provider, ref)
        assert not old.exists()
        assert young.exists()

    asyncio.run(scenario())


def test_close_stops_drawing_and_leaves_no_torn_file(tmp_path: Path) -> None:
    async def scenario() -> None:
        request = a_request(size="1280x720", duration=60)
        first = provider_on(tmp_path)
        ref = a_ref(await first.submit(request, Effect("key-1")), request)
        await until_running(first, ref)
        await first.close()
        assert not [thread for thread in threading.enumerate() if thread.name == "preview-render"]
        assert [file.suffix for file in (tmp_path / "work" / "preview").iterdir()] == [".json"]

        second = provider_on(tmp_path)
        (status,) = await second.poll([ref])
        assert status.state in ("queued", "running")
        await second.close()

    asyncio.run(scenario())


async def until_running(provider: PreviewProvider, ref: RenderRef) -> None:
    async with asyncio.timeout(60):
        while True:
            (status,) = await provider.poll([ref])
            if (status.progress or 0) > 0:
                return
            await asyncio.sleep(0.01)


def test_cancel_stops_a_running_render_for_every_process(tmp_path: Path) -> None:
    async def scenario() -> None:
        request = a_request(size="1280x720", duration=60)
        provider = provider_on(tmp_path)
        ref = a_ref(await provider.submit(request, Effect("key-1")), request)
        await until_running(provider, ref)
        assert await provider.cancel(ref)
        assert await provider.cancel(ref)
        await provider.close()
        for looking in (provider, provider_on(tmp_path)):
            (status,) = await looking.poll([ref])
            assert (status.state, status.error_code, status.charged) == ("failed", "cancelled", False)
            with pytest.raises(Expired):
                await looking.fetch(ref)
        assert not list((tmp_path / "work" / "preview").glob("*.mp4"))

    asyncio.run(scenario())


def test_a_finished_render_cannot_be_cancelled(tmp_path: Path) -> None:
    async def scenario() -> None:
        provider, request = provider_on(tmp_path), a_request()
        ref = a_ref(await provider.submit(request, Effect("key-1")), request)
        await finished(provider, ref)
        assert not await provider.cancel(ref)
        assert (await finished(provider, ref)).state == "completed"

    asyncio.run(scenario())


def test_a_render_without_its_request_is_lost(tmp_path: Path) -> None:
    async def scenario() -> None:
        provider, request = provider_on(tmp_path), a_request()
        ref = a_ref(await provider.submit(request, Effect("key-1")), request)
        next((tmp_path / "work" / "preview").glob("*.json")).unlink()
        assert (await finished(provider, ref)).state == "lost"
        with pytest.raises(Expired):
            await provider.fetch(ref)

    asyncio.run(scenario())


def test_a_deleted_video_is_drawn_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        provider, request = provider_on(tmp_path), a_request()
        ref = a_ref(await provider.submit(request, Effect("key-1")), request)
        await finished(provider, ref)
        (await provider.fetch(ref)).path.unlink()
        assert (await finished(provider, ref)).state == "completed"

    asyncio.run(scenario())


def test_what_fails_while_drawing_is_reported_as_failed(tmp_path: Path) -> None:
    async def scenario() -> None:
        provider, request = provider_on(tmp_path), a_request()
        submitted = await provider.submit(request, Effect("key-1"))
        stored = tmp_path / "work" / "preview" / f"{submitted.remote_id}.json"
        content = json.loads(stored.read_text())
        content["spec"]["width"] = 321
        stored.write_text(json.dumps(content))
        status = await finished(provider, a_ref(submitted, request))
        assert (status.state, status.error_code, status.charged) == ("failed", "drawing_failed", False)
        assert status.error_message

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("request_", "word"),
    [
        (a_request(size="321x180"), "odd"),
        (a_request(size="2562x1440"), "2562x1440"),
        (a_request(size="1920x1920"), "1920x1920"),
        (a_request(size="62x128"), "62x128"),
        (a_request(duration=61), "61 s"),
        (a_request(duration=0.4), "0.4 s"),
        (a_request(fps=23), "23 fps"),
        (a_request().replace(references=(Reference(source="nowhere.png"),)), "nowhere.png"),
    ],
)
def test_what_cannot_be_drawn_is_rejected(tmp_path: Path, request_: RenderRequest, word: str) -> None:
    with pytest.raises(Rejected, match=word) as caught:
        asyncio.run(provider_on(tmp_path).submit(request_, Effect("key-1")))
    assert caught.value.code
    assert not list(tmp_path.rglob("*.*"))


def test_a_relative_reference_is_found_from_the_workflow_folder(tmp_path: Path) -> None:
    Image.new("RGB", (40, 30), (0, 255, 0)).save(tmp_path / "green.png")
    request = a_request().replace(
        references=(Reference(source="green.png"), Reference(source="https://example.com/x.png"))
    )
    submitted = asyncio.run(provider_on(tmp_path).submit(request, Effect("key-1")))
    stored = json.loads((tmp_path / "work" / "preview" / f"{submitted.remote_id}.json").read_text())
    assert [entry["source"] for entry in stored["references"]] == [
        str(tmp_path / "green.png"),
        "https://example.com/x.png",
    ]


def test_capabilities_say_what_submit_accepts(tmp_path: Path) -> None:
    provider = provider_on(tmp_path)
    able = provider.capabilities(None)
    assert able == provider.capabilities("any-name")
    assert able.fps is not None
    assert able.price is not None
    assert able.price.per_second == 0
    for fps in able.fps:
        for duration in (able.shortest_duration, able.longest_duration):
            request = a_request(fps=fps, duration=duration or 1)
            asyncio.run(provider.submit(request, Effect(f"{fps} {duration}")))
    assert PreviewConfig().poll_interval == 0.2


# The workshop


def test_no_more_hands_than_given_work_at_once() -> None:
    gate, lock, busy, most, done = threading.Event(), threading.Lock(), 0, 0, threading.Semaphore(0)

    def work(progress: Progress) -> None:
        nonlocal busy, most
        with lock:
            busy += 1
            most = max(most, busy)
        gate.wait(30)
        with lock:
            busy -= 1
        done.release()

    workshop = Workshop(hands=2)
    tasks = [workshop.ask(f"task {n}", work) for n in range(6)]
    wait_for(lambda: most == 2)
    assert sorted(task.state for task in tasks) == ["queued"] * 4 + ["running"] * 2
    gate.set()
    assert all(done.acquire(timeout=30) for _ in tasks)
    assert most == 2
    wait_for(lambda: {task.state for task in tasks} == {"done"})
    assert workshop.ask("task 0", work) is tasks[0]


def wait_for(condition: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _ in range(3000):
        if condition():
            return
        pause.wait(0.01)
    raise AssertionError("it did not happen")


def test_a_waiting_task_is_stopped_before_it_starts() -> None:
    gate, ran = threading.Event(), []

    def hold(progress: Progress) -> None:
        gate.wait(30)

    workshop = Workshop(hands=1)
    workshop.ask("first", hold)
    waiting = workshop.ask("second", lambda progress: ran.append("second"))
    workshop.stop("second")
    gate.set()
    workshop.close()
    assert waiting.state == "stopped"
    assert ran == []
    assert workshop.ask("late", hold).state == "stopped"
