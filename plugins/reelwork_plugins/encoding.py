"""H.264 and HEVC that come out the same, byte for byte, whenever the same pictures are encoded."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from av.video.codeccontext import VideoCodecContext

# x264 divides its work by the number of its threads, and another division gives other bytes.
_THREADS = 4


def repeatable(context: VideoCodecContext) -> None:
    """Let this encoder give the same bytes in every process and on every machine.

    It is `libx264` or `libx265`, and not open yet.
    """
    context.thread_count = _THREADS
    # PyAV's default, SLICE, divides each picture among the threads: slower, and larger files of the same quality.
    context.thread_type = "AUTO"
    if context.name == "libx265":
        context.options = {**context.options, "x265-params": "log-level=none"}
        # As Apple's players, and networks that show the file as it is, want it.
        context.codec_tag = "hvc1"
        return
    # x264's assembler for the weights of blocks depends on what memory held before: one short clip in some hundred
    # came out otherwise. Its C code does not, at the same speed of the whole.
    context.options = {**context.options, "x264-params": "cpu-independent=1"}
