"""`llm-rewrite`: lets a language model write the prompt, title, caption, hashtags and alternative text.

It works with every service or server that has OpenAI's `/v1/chat/completions`. Answers are checked, moderated,
shown and stored. The same question is not paid for twice.
"""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from typing import Any

from reelwork_hooks import Context, InvalidInput, Job, Plugin, Prompt, hookimpl
from reelwork_plugins.transforms.llm_rewrite.answer import Unusable, changes_of, charged, texts_in
from reelwork_plugins.transforms.llm_rewrite.config import LlmRewriteConfig
from reelwork_plugins.transforms.llm_rewrite.kept import Kept, Shelf
from reelwork_plugins.transforms.llm_rewrite.question import name_of, question
from reelwork_plugins.transforms.llm_rewrite.service import Lost, ask

MOST_ASKS = 3
"""Times that one question is asked whose answers are lost. Each may be charged."""
LOOK_AGAIN = 0.25
"""Seconds between two looks for the answer that another job has asked for."""
GRACE = 5.0
"""Seconds beyond the time limit after which nobody waits for an answer any more."""

_MOST_KEPT = 50_000
"""Bytes of an answer that are kept. A value of the store may have little more."""


class LlmRewrite(Plugin):
    """Lets a language model write prompt and copy, by instructions for each platform.

    A refused answer changes nothing. The job fails before its video is paid for, or continues with the old texts,
    as `on_error` says.
    """

    Config = LlmRewriteConfig
    config: LlmRewriteConfig
    # Also where it costs nothing: a dry run asks nobody, and writes nothing.
    costs = True

    def __init__(self, config: LlmRewriteConfig, context: Context) -> None:
        super().__init__(config, context)
        self._asking: dict[str, asyncio.Lock] = {}

    @property
    def most_per_call(self) -> Decimal | None:  # type: ignore[override]
        """Return the price of the longest question with the longest answer; None where it is free."""
        return self.config.most or None

    @hookimpl
    async def prompt_transform(self, prompt: Prompt, job: Job) -> Prompt | None:
        """Return the prompt as the model wrote it; None if it is kept as it is. Raises `InvalidInput`."""
        messages = question(prompt, job, self.config)
        try:
            kept = await self._answered(messages, prompt, job)
            return self._written(kept.data, prompt, job)
        except (Unusable, Lost) as error:
            self._without(str(error))
        return None

    async def known_prompt(self, prompt: Prompt, job: Job) -> Prompt | None:
        """Return the prompt as the model wrote it for an earlier job; None if it was not asked yet."""
        name = name_of(question(prompt, job, self.config), self.config)
        kept = await Shelf(self.context.state, name).look()
        if kept is None or kept.state != "answered":
            return None
        try:
            return self._written(kept.data, prompt, job) or prompt
        except Unusable:
            return None

    def _written(self, data: Any, prompt: Prompt, job: Job) -> Prompt | None:
        texts = texts_in(data, self.config.write)
        made = changes_of(texts, prompt, job.platform, self.config)
        changes = {name: value for name, value in made.items() if value != getattr(prompt, name)}
        return prompt.replace(**changes) if changes else None

    def _without(self, why: str) -> None:
        told = f"{self.config.model} at {self.config.base_url} gave no usable answer: {why}"
        if self.config.on_error == "keep":
            self.context.log.warning("%s: %s. The texts stay as they are.", self.context.name, told)
            return
        raise InvalidInput(told)

    async def _answered(self, messages: list[dict[str, str]], prompt: Prompt, job: Job) -> Kept:
        """Return the answer to a question: the one that was paid for before, else a new one, which is kept."""
        name = name_of(messages, self.config)
        shelf = Shelf(self.context.state, name)
        # Takes of one brief ask the same at the same time: one asks, the others wait for its answer.
        async with self._asking.setdefault(name, asyncio.Lock()):
            while True:
                kept = await shelf.look()
                if kept is not None and kept.state == "answered" and self._is_usable(kept, prompt, job):
                    return await self._counted(shelf, kept, name, job)
                if kept is not None and kept.state == "asked" and self._is_under_way(kept, job):
                    await asyncio.sleep(LOOK_AGAIN)
                    continue
                asks = await self._settled(kept, name, job)
                mine = Kept(state="asked", job=job.id, at=self._now(), asks=asks + 1)
                # Before it leaves: a kill must not make a question that may be charged look like none.
                if await shelf.put(mine):
                    return await self._asked(shelf, mine, name, messages, job)

    def _is_usable(self, kept: Kept, prompt: Prompt, job: Job) -> bool:
        try:
            self._written(kept.data, prompt, job)
        except Unusable:
            # A model may do better at the next time of asking.
            return False
        return True

    def _is_under_way(self, kept: Kept, job: Job) -> bool:
        # A job runs in one process at a time: what it asked itself, and has no answer to, is lost.
        return kept.job != job.id and self._now() - kept.at < self.config.timeout + GRACE

    async def _settled(self, kept: Kept | None, name: str, job: Job) -> int:
        """Count what an earlier question may have cost whose answer was lost, and return how often it was
        asked."""
        if kept is None:
            return 0
        if kept.state == "answered":
            # Counted on: an answer that could not be used was paid for, and the next one is as well.
            return kept.asks
        await self._spent(job, self.config.most, f"{name} lost {kept.asks}", "a rewrite whose answer was lost")
        if kept.asks >= MOST_ASKS:
            raise Lost(f"{kept.asks} answers to this question were lost, and each may have been charged")
        return kept.asks

    async def _asked(self, shelf: Shelf, mine: Kept, name: str, messages: list[dict[str, str]], job: Job) -> Kept:
        try:
            async with asyncio.timeout(self.config.timeout):
                data = await ask(self.context, self.config, messages)
        except TimeoutError:
            raise await self._lost(mine, name, job, f"none came within {self.config.timeout:g} seconds") from None
        except Lost as error:
            raise await self._lost(mine, name, job, str(error)) from error
        except Unusable:
            # It was turned away, so nothing was charged and nothing is in doubt.
            await shelf.put(mine.model_copy(update={"state": "answered", "data": None, "counted": True}))
            raise
        kept = mine.model_copy(update={"state": "answered", "data": _bare(data)})
        # First what was bought, then its price: the price can be counted later, the answer cannot be had again.
        await shelf.put(kept)
        return await self._counted(shelf, kept, name, job)

    async def _lost(self, mine: Kept, name: str, job: Job, why: str) -> Lost:
        await self._spent(job, self.config.most, f"{name} lost {mine.asks}", "a rewrite whose answer was lost")
        return Lost(f"{why}; it may have been charged, and is counted as if it was")

    async def _counted(self, shelf: Shelf, kept: Kept, name: str, job: Job) -> Kept:
        if kept.counted:
            return kept
        tokens = charged(kept.data)
        if tokens.asked is None or tokens.answered is None:
            cost, what = self.config.most, "a rewrite; its tokens were not reported"
        else:
            cost = self.config.cost(tokens.asked, tokens.answered)
            what = f"a rewrite by {self.config.model:.40}: {tokens.asked} + {tokens.answered} tokens"
        await self._spent(job, cost, f"{name} {kept.asks}", what)
        done = kept.model_copy(update={"counted": True})
        await shelf.put(done)
        return done

    async def _spent(self, job: Job, cost: Decimal, key: str, what: str) -> None:
        await self.context.spent(job, cost, what=what, key=key)

    def _now(self) -> float:
        return self.context.now().timestamp()


def _bare(data: Any) -> Any:
    """Return of an answer what is read of it: the rest may be large, and need not be kept."""
    if not isinstance(data, dict):
        return None
    choices = data.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    message = first.get("message") if isinstance(first, dict) else None
    if not isinstance(first, dict) or not isinstance(message, dict):
        return {"usage": _counts(data)}
    told = {name: message.get(name) for name in ("content", "refusal")}
    texts = {name: _storable(text) if isinstance(text, str) else None for name, text in told.items()}
    ended = first.get("finish_reason")
    choice = {"message": texts, "finish_reason": ended if ended in ("length", "content_filter") else None}
    made = {"choices": [choice], "usage": _counts(data)}
    if len(json.dumps(made)) <= _MOST_KEPT:
        return made
    return {"choices": [{"message": {}}], "usage": _counts(data), "too_long": True}


def _counts(data: dict[str, Any]) -> dict[str, int] | None:
    tokens = charged(data)
    if tokens.asked is None or tokens.answered is None:
        return None
    return {"prompt_tokens": tokens.asked, "completion_tokens": tokens.answered}


def _storable(text: str) -> str:
    """Return a text with a mark in place of each half sign."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
