"""What `telegram` sends, beside what another client of the Bot API sends: python-telegram-bot."""

from __future__ import annotations

import asyncio
import inspect
from pathlib import Path

import pytest
from telegram import Bot
from telegram.constants import FileSizeLimit, FloodLimit, MessageLimit
from tests.plugins.publishers.telegram.conftest import GROUP, TOKEN, Network

from reelwork.testing import SampleContext, sample_clip, sample_job, sample_post, write_video
from reelwork_hooks import Effect
from reelwork_plugins.publishers.telegram import Telegram
from reelwork_plugins.publishers.telegram.api import MOST_BYTES, MOST_BYTES_OWN_SERVER
from reelwork_plugins.publishers.telegram.config import TelegramConfig, TelegramPostOptions
from reelwork_plugins.publishers.telegram.text import LONGEST
from reelwork_plugins.simulator.networks.telegram import chats as rules

OPTIONS = {"silent": True, "protect": True, "spoiler": True, "caption_above": True, "topic": 7}


def test_the_limits_are_those_that_others_know() -> None:
    assert LONGEST == rules.LONGEST_CAPTION == MessageLimit.CAPTION_LENGTH
    assert MOST_BYTES == rules.LARGEST_VIDEO == FileSizeLimit.FILESIZE_UPLOAD
    assert MOST_BYTES_OWN_SERVER == FileSizeLimit.FILESIZE_UPLOAD_LOCAL_MODE
    assert rules.PER_SECOND == FloodLimit.MESSAGES_PER_SECOND
    assert rules.PER_SECOND_IN_CHAT == FloodLimit.MESSAGES_PER_SECOND_PER_CHAT
    assert rules.PER_MINUTE_IN_GROUP == FloodLimit.MESSAGES_PER_MINUTE_PER_GROUP


def test_every_option_is_used_in_the_request_that_others_send(
    network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TELEGRAM_TOKEN", TOKEN)
    path = tmp_path / "clip.mp4"
    write_video(path)
    settings = {"token": "env:TELEGRAM_TOKEN", "chat": GROUP, "base_url": network.url}
    plugin = Telegram(TelegramConfig.model_validate(settings), SampleContext(tmp_path))
    post = sample_post(clip=sample_clip(path), title="First light", privacy="public", options=OPTIONS)
    assert set(OPTIONS) == set(TelegramPostOptions.model_fields)

    async def by_us() -> None:
        prepared = await plugin.prepare_publish(post, sample_job())
        await plugin.publish(post, sample_job(), Effect("k", prepared=prepared))

    asyncio.run(by_us())
    ours = network.the_post()
    assert set(ours) <= set(inspect.signature(Bot.send_video).parameters)
    network.simulator.simulation.log.clear()
    video = post.clip.video

    async def by_others() -> None:
        async with Bot(TOKEN, base_url=f"{network.url}/bot") as bot:
            await bot.send_video(
                int(GROUP),
                path,
                duration=round(video.duration or 0),
                caption=ours["caption"],
                width=video.width,
                height=video.height,
                disable_notification=True,
                protect_content=True,
                has_spoiler=True,
                show_caption_above_media=True,
                message_thread_id=7,
                supports_streaming=True if "supports_streaming" in ours else None,
                filename="video.mp4",
            )

    asyncio.run(by_others())
    assert network.the_post() == ours
