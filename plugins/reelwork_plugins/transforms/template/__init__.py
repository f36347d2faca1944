"""`template`: makes the prompt, title, caption and hashtags from templates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from reelwork_hooks import Brief, Config, InvalidInput, Job, Plugin, Problem, Prompt, hookimpl
from reelwork_plugins.transforms.template.language import Refused, TooLong, checked, rendered
from reelwork_plugins.transforms.template.variables import variables

# What OpenAI's specification allows for a prompt, as a brief does.
LONGEST = 32_000
FIELDS = {
    "prompt": "text",
    "negative_prompt": "negative_text",
    "title": "title",
    "caption": "caption",
    "hashtags": "hashtags",
}
"""The settings that are templates, with the fields of the prompt that they make."""


def _checked(source: str) -> str:
    checked(source)
    return source


Source = Annotated[str, AfterValidator(_checked)]


class TemplateConfig(Config):
    """Settings of `template`. What has no template stays as it is."""

    prompt: Source | None = None
    """The prompt."""
    negative_prompt: Source | None = None
    """The negative prompt."""
    title: Source | None = None
    """The title of the posts. Line breaks become spaces."""
    caption: Source | None = None
    """The text of the posts."""
    hashtags: Source | None = None
    """The hashtags, separated by spaces or commas, with or without `#`."""
    longest: Annotated[int, Field(ge=1, le=LONGEST)] = LONGEST
    """The most characters of each result."""


class Template(Plugin):
    """Makes the prompt and the copy from templates, with the values of the job.

    The templates are Jinja's, without anything that could reach out of them or run for ever.
    """

    Config = TemplateConfig
    config: TemplateConfig
    computes = True

    @hookimpl
    def check_brief(self, brief: Brief, job: Job) -> list[Problem]:
        """Return why a template cannot be filled in for this job, before anything is sent for any of them."""
        prompt = Prompt(
            text=brief.prompt,
            negative_text=brief.negative_prompt,
            title=brief.title,
            caption=brief.caption,
            hashtags=brief.hashtags,
        )
        try:
            self._made(prompt, job)
        except TooLong:
            # A plugin before this one may shorten what goes in.
            return []
        except Refused as error:
            return [Problem(message=str(error))]
        return []

    @hookimpl
    def prompt_transform(self, prompt: Prompt, job: Job) -> Prompt | None:
        """Return the prompt with what the templates give; None when they change nothing.

        Raises `InvalidInput` for a template that cannot be filled in.
        """
        try:
            made = self._made(prompt, job)
        except Refused as error:
            raise InvalidInput(str(error)) from error
        changes = {name: value for name, value in made.items() if value != getattr(prompt, name)}
        return prompt.replace(**changes) if changes else None

    def _made(self, prompt: Prompt, job: Job) -> dict[str, Any]:
        known = variables(prompt, job)
        return dict(self._fields(known))

    def _fields(self, known: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        for setting, name in FIELDS.items():
            source = getattr(self.config, setting)
            if source is not None:
                text = rendered(source, known, setting, self.config.longest)
                yield name, _as_field(setting, text)


def _as_field(setting: str, text: str) -> Any:
    if setting == "hashtags":
        words = (word.strip("#") for word in text.replace(",", " ").replace("#", " #").split())
        return tuple(dict.fromkeys(word for word in words if word))
    if setting == "title":
        return " ".join(text.split())
    if setting == "prompt" and not text:
        raise Refused("prompt: the result is empty, and a prompt cannot be")
    return text
