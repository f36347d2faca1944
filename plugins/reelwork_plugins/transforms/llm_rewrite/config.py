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
    """Must be given unless the service is on this machine or in a private network."""
    model: Annotated[str, Field(min_length=1)]
    """The service's name of the model."""
    write: Annotated[tuple[Written, ...], Field(min_length=1)] = ("prompt", "title", "caption", "hashtags")
    """What is written. The rest stays as it is."""
    instructions: Annotated[str, Field(max_length=8000)] = ""
    """What the texts should be like, for every platform."""
    platforms: Mapping[str, Annotated[str, Field(max_length=8000)]] = {}
    """More instructions for single platforms, by their names."""
    language: str = ""
    """The language of the texts, such as `German`. By default they stay in the brief's, and an answer in another
    script is refused."""
    longest: Annotated[int, Field(ge=1, le=8000)] = 1000
    """Characters of the prompt."""
    on_error: Literal["fail", "keep"] = "fail"
    """When the service gives no usable answer: `fail` stops the job before anything is paid for its video, `keep`
    goes on with the texts as they are."""
    input_price: Price | None = None
    """US dollars for a million tokens of a question. Must be given, as 0 where it is free, unless the service is on
    this machine or in a private network."""
    output_price: Price | None = None
    """The same for the answer."""
    max_tokens: Annotated[int, Field(ge=16, le=100_000)] = 2000
    """Tokens of an answer at most."""
    tokens_key: Literal["max_completion_tokens", "max_tokens"] = "max_completion_tokens"
    """The name of that limit at the service. Older ones know `max_tokens` alone."""
    json_schema: bool = True
    """Ask for an answer by a JSON schema. A service that refuses that is asked once more without it."""
    timeout: Annotated[float, Field(gt=0, le=55)] = 45
    """Seconds for an answer, all attempts together."""

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
