"""A new MP4 file around a picture that stays as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reelwork_plugins.finishing.one_pass import Progress, Sounds

if TYPE_CHECKING:
    from av.container import InputContainer, OutputContainer


def rewrap(
    source: InputContainer, target: OutputContainer, sounds: Sounds, seconds: float, progress: Progress
) -> None:
    """Copy the picture, packet by packet, and write the sounds between. Raises FFmpeg's errors."""
    stream = source.streams.video[0]
    picture = target.add_stream_from_template(stream)
    heard = sounds(target, source)
    for packet in source.demux(stream, *(one for one in source.streams.audio if one.index in heard)):
        # `demux` ends with an empty packet for each stream.
        if packet.dts is None:
            continue
        if packet.stream.index in heard:
            heard[packet.stream.index].write(packet)
            continue
        if seconds and packet.time_base is not None:
            progress(min(max(100.0 * float(packet.dts * packet.time_base) / seconds, 0.0), 100.0))
        packet.stream = picture
        target.mux(packet)
    for sound in heard.values():
        sound.end()
