"""Where a proxy is the only way out, the addresses that are a plugin's own are asked for through it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from reelwork.testing.contexts import SampleContext
from reelwork_hooks import Tokens, Unavailable
from reelwork_plugins.providers.fal.config import FalConfig
from reelwork_plugins.providers.fal.queue import Queue
from reelwork_plugins.publishers.youtube import Youtube


async def _fal(context: SampleContext) -> Any:
    config = FalConfig(model="fal-ai/veo3.1", api_key="env:FAL_KEY")
    return await Queue(config, context).get(f"{config.origins[0]}/")


async def _youtube(context: SampleContext) -> Any:
    return await Youtube.signed_in(Tokens(access="token"), context)


@pytest.mark.parametrize("ask", [_fal, _youtube])
def test_its_own_addresses_go_through_the_proxy(ask: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readuntil(b"\r\n\r\n")).decode().split()[0])
        writer.write(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    async def play() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{port}")
            with pytest.raises(Unavailable, match="the proxy"):
                await ask(SampleContext(tmp_path))

    monkeypatch.setenv("FAL_KEY", "key-of-fal")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    asyncio.run(play())
    assert asked == ["CONNECT"]
