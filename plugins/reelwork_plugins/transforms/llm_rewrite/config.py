"""The settings of `llm-rewrite`, and what follows from them."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from reelwork_hooks import Config, SecretRef
from reelwork_plugins.endpoints import is_private, service_address

MOST_INPUT = 32_000
"""Bytes of one question. A token is never shorter than a byte, so they bound what a question costs."""
MILLION = Decimal(1_000_000)
Written = Literal["prompt", "title", "caption", "hashtags", "alt_text"]
Price = Annotated[Decimal, Field(ge=0, le=1000)]


def _chat_url(value: str) -> str:
    return service_address(value, "/chat/completions")


class LlmRewriteConfig(Config):
    """Settings of `llm-rewrite`."""

    base_url: Annotated[str, AfterValidator(_chat_url)] = "https://api.openai.com/v1"
    """The service's address, with or without `/v1` at the end."""
    api_key: SecretRef | None = None
    """The key, by reference. Needed unless the service is on this machine or in a private network."""
    model: Annotated[str, Field(min_length=1)]
    """The service's name of the model."""
    write: Annotated[tuple[Written, ...], Field(min_length=1)] = ("prompt", "title", "caption", "hashtags")
    """The texts to write. The others stay as they are."""
    instructions: Annotated[str, Field(max_length=8000)] = ""
    """Instructions for all platforms."""
    platforms: Mapping[str, Annotated[str, Field(max_length=8000)]] = {}
    """Further instructions by platform."""
    language: str = ""
    """The language of the texts, such as `German`. By default it is the brief's, and an answer in another script is
    refused."""
    longest: Annotated[int, Field(ge=1, le=8000)] = 1000
    """The most characters of the prompt."""
    on_error: Literal["fail", "keep"] = "fail"
    """What to do without a usable answer: `fail` stops the job before its video is paid for, `keep` continues with
    the old texts."""
    input_price: Price | None = None
    """US dollars for a million input tokens; 0 if they are free. Needed unless the service is on this machine or in
    a private network."""
    output_price: Price | None = None
    """US dollars for a million output tokens."""
    max_tokens: Annotated[int, Field(ge=16, le=100_000)] = 2000
    """The most tokens of an answer."""
    tokens_key: Literal["max_completion_tokens", "max_tokens"] = "max_completion_tokens"
    """The service's name for that limit. Older services know only `max_tokens`."""
    json_schema: bool = True
    """Ask for an answer that follows a JSON schema. If the service refuses the schema, it is asked again without
    it."""
    timeout: Annotated[float, Field(gt=0, le=55)] = 45
    """Seconds to wait for an answer, in all attempts together."""

    @model_validator(mode="after")
    def _can_be_asked(self) -> Self:
        if is_private(self.base_url):
            return self
        if self.api_key is None:
            raise ValueError(f'{self.base_url} asks for a key: give api_key, for example "env:OPENAI_API_KEY"')
        if self.input_price is None or self.output_price is None:
            raise ValueError(
                "give input_price and output_price, US dollars for a million tokens (0 where it is free): without "
                "them no budget can count what it costs"
            )
        return self

    def cost(self, asked: int, answered: int) -> Decimal:
        """Return the US dollars for so many tokens."""
        return (asked * (self.input_price or 0) + answered * (self.output_price or 0)) / MILLION

    @property
    def most(self) -> Decimal:
        """The US dollars of one question and its answer at most."""
        return self.cost(MOST_INPUT, self.max_tokens)
