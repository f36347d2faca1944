"""Values that are stored keep the form they were first stored in: hashes of them tell which video is paid for."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

import reelwork_hooks
from reelwork_hooks.frozen import Grown

FIRST = {
    "Verdict": "decision reason categories plugin",
    "Brief": """prompt negative_prompt model duration resolution aspect_ratio fps seed takes publish_takes quality
        metadata references webhook platforms title caption hashtags privacy""",
    "Reference": "source",
    "PostCopy": "",
    "Platform": """name aliases aspect_ratio longest_duration style title_limit caption_limit hashtag_limit
        notes""",
    "Post": "destination clip platform title caption hashtags privacy ai_generated",
    "Receipt": "id url at details",
    "RenderRequest": "prompt negative_prompt model spec references metadata webhook",
}
"""The fields that were always stored. Nothing is ever added here."""


def grown(model: type[Grown] = Grown) -> Iterator[type[Grown]]:
    for one in model.__subclasses__():
        yield one
        yield from grown(one)


def test_a_new_field_of_a_stored_value_is_named_in_later() -> None:
    for module in pkgutil.iter_modules(reelwork_hooks.__path__):
        importlib.import_module(f"reelwork_hooks.{module.name}")
    models = {model.__name__: model for model in grown() if model.__module__.startswith("reelwork_hooks")}
    assert models.keys() == FIRST.keys()
    for name, model in models.items():
        stored = {field for field, its in model.model_fields.items() if not its.exclude}
        assert stored - set(model._later) == set(FIRST[name].split()), f"{name}._later lacks a new field"
