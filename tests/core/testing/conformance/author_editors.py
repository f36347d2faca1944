"""Plugins that edit, as authors might write them: one without a mistake, and each of the others with one."""

from __future__ import annotations

import time
from fractions import Fraction
from pathlib import Path

from reelwork_hooks import Asset, Clip, Job, Phase, Plugin, ReelworkError, Role, hookimpl


class NotPadded(ReelworkError):
    """The file could not be padded."""


class Pads(Plugin):
    """Adds a box to the end of a file, which players pass over."""

    phase = Phase.EDIT
    may_change = ()

    @hookimpl
    def post_download(self, clip: Clip, job: Job) -> Clip:
        """Return the clip with the longer file."""
        path = self.named(clip)
        content = self.padded(clip.video)
        self.put(path, content)
        return clip.with_video(Asset.from_file(path, Role.VIDEO))

    def named(self, clip: Clip) -> Path:
        return self.context.work_dir / f"{clip.video.sha256}.mp4"

    def padded(self, video: Asset) -> bytes:
        content = video.path.read_bytes()
        if content[4:8] != b"ftyp":
            raise NotPadded(f"{video.path} is no MP4 file", hint="Play the file.")
        return content + b"\0\0\x10\0free" + self.padding()

    def padding(self) -> bytes:
        return b"x" * 4088

    def put(self, path: Path, content: bytes) -> None:
        part = path.with_suffix(".part")
        part.write_bytes(content)
        part.replace(path)


class ChangesTheDownload(Pads):
    def named(self, clip: Clip) -> Path:
        return clip.video.path


class TrustsHalfAFile(Pads):
    def put(self, path: Path, content: bytes) -> None:
        if not path.exists():
            path.write_bytes(content)


class AnotherEachTime(Pads):
    def padding(self) -> bytes:
        return f"{time.time_ns():<4088}".encode()


class DropsTheCaptions(Pads):
    @hookimpl
    def post_download(self, clip: Clip, job: Job) -> Clip:
        path = self.named(clip)
        self.put(path, self.padded(clip.video))
        return Clip(video=Asset.from_file(path, Role.VIDEO))


class TakesAnything(Pads):
    def padded(self, video: Asset) -> bytes:
        return video.path.read_bytes() + b"\0\0\x10\0free" + self.padding()

    @hookimpl
    def post_download(self, clip: Clip, job: Job) -> Clip:
        if clip.video.path.read_bytes()[4:8] == b"ftyp":
            return super().post_download(clip, job)
        self.put(self.context.work_dir / "words.txt", b"words")
        return clip.adding(Asset.from_file(self.context.work_dir / "words.txt", Role.SIDECAR))


class SaysWhatItGot(Pads):
    def padded(self, video: Asset) -> bytes:
        content = video.path.read_bytes()
        return content[: content.index(b"ftyp") - 4] + content + b"\0\0\x10\0free" + self.padding()


class Trims(Pads):
    """Leaves out the first half second, and says nothing of it."""

    def padded(self, video: Asset) -> bytes:
        import av

        part, count = self.context.work_dir / "cut.mp4", 0
        try:
            with av.open(str(video.path)) as source, av.open(str(part), "w") as cut:
                stream = cut.add_stream("libx264", rate=20)
                stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
                for frame in source.decode(video=0):
                    if float(frame.time or 0) >= 0.5:
                        frame.pts, frame.time_base, count = count, Fraction(1, 20), count + 1
                        cut.mux(stream.encode(frame))
                cut.mux(stream.encode())
        except (OSError, ValueError) as error:
            raise NotPadded(f"{video.path} cannot be read", hint="Play the file.") from error
        return part.read_bytes()


class Moves(Trims):
    """Says that it may be shorter, but not that everything is earlier."""

    may_change = ("duration",)


class OutsideItsFolder(Pads):
    def named(self, clip: Clip) -> Path:
        return clip.video.path.with_name("padded.mp4")
