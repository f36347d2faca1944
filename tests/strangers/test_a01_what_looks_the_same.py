"""Requests that a list does not tell apart are never taken for each other."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PIL import Image
from tests.strangers.conftest import Desk
from tests.strangers.server import LOST, Answer, Asked, VideoServer

PROMPT = "The picture comes alive, slowly, and the light changes"


def picture(desk: Desk, name: str) -> bytes:
    return (desk.folder / f"{name}.png").read_bytes()


@pytest.mark.parametrize("arrives", [0, 1])
def test_of_two_pictures_with_one_prompt_neither_gets_the_other_ones_video(
    desk: Desk, serve: Callable[..., VideoServer], arrives: int
) -> None:
    sent: list[Asked] = []

    def losing(server: VideoServer, asked: Asked) -> Answer:
        sent.append(asked)
        if len(sent) - 1 == arrives:
            server.accept(asked)
        return LOST

    for name, colour in (("fox", "red"), ("cat", "grey")):
        Image.new("RGB", (1280, 720), colour).save(desk.folder / f"{name}.png")
    rows = desk.write("rows.csv", f'prompt,input_reference\n"{PROMPT}",fox.png\n"{PROMPT}",cat.png\n')
    server = serve(create=losing)
    ended = desk.reelwork("run", rows, "--workflow", desk.workflow(server.origin, name="rows.toml"), "--yes")
    assert ended.code == 3, ended.text
    desk.reelwork("resume")
    statuses = {job["row"]: job["status"] for job in desk.jobs()}
    assert len(sent) == 2
    # Which of them is sent first is not said. The one that did not arrive must not get the other one's video.
    [other] = [row for row, name in (("1", "fox"), ("2", "cat")) if picture(desk, name) not in sent[arrives].body]
    assert statuses[other] == "held", ended.text
