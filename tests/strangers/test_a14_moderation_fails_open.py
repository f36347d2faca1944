from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from tests.strangers.conftest import Desk
from tests.strangers.server import Answer, Asked, VideoServer

from reelwork_plugins.moderation.openai import OpenaiModerationConfig, judge, read_findings

WATCHER = """
import json
from reelwork_hooks import Config, Plugin, hookimpl

class Settings(Config):
    log: str

class Watcher(Plugin):
    Config = Settings

    @hookimpl
    def pre_moderate(self, content, job):
        with open(self.config.log, "a") as log:
            shown = [content.stage, content.text, content.negative_text, [path.name for path in content.images]]
            log.write(json.dumps(shown) + "\\n")
"""
POLITE = """
from reelwork_hooks import Plugin, hookimpl

class Polite(Plugin):
    @hookimpl
    def prompt_transform(self, prompt, job):
        return prompt.replace(text=prompt.text + ", please")
"""


@pytest.mark.parametrize("transforms", [[], ["polite.py"]])
def test_a_dry_run_asks_moderation_what_a_run_asks(
    desk: Desk, serve: Callable[..., VideoServer], transforms: list[str]
) -> None:
    desk.write("watcher.py", WATCHER)
    desk.write("polite.py", POLITE)
    Image.new("RGB", (1280, 720)).save(desk.folder / "fox.png")
    asked: dict[str, list[Any]] = {}
    for command in ("plan", "run"):
        log = desk.folder / f"{command}.log"
        workflow = desk.workflow(
            serve().origin,
            brief='negative_prompt = "no text"\nreferences = [{ source = "fox.png" }]',
            provider='dialect = "vllm-omni"',
            rest=f'[plugins]\npre_moderate = ["watcher.py"]\nprompt_transform = {json.dumps(transforms)}\n'
            f'[plugin.watcher]\nlog = "{log}"',
        )
        ended = desk.reelwork(command, workflow, *(("--yes",) if command == "run" else ()))
        assert ended.code == 0, ended.text
        asked[command] = [json.loads(line) for line in log.read_text().splitlines() if "post" not in line[:8]]
    assert asked["plan"] == asked["run"]
    assert asked["run"][0] == ["brief", "A red fox in the snow", "no text", ["fox.png"]]


@given(score=st.sampled_from([math.nan, math.inf, -math.inf, 10**400]), threshold=st.floats(0, 1))
def test_a_score_that_is_no_number_is_no_pass(score: float, threshold: float) -> None:
    answer = {"results": [{"flagged": False, "categories": {}, "category_scores": {"violence": score}}]}
    with pytest.raises(ValueError, match="violence"):
        read_findings(answer, {"violence": threshold})


@given(score=st.floats(0, 1), threshold=st.floats(0, 1))
def test_a_score_that_reaches_its_threshold_never_passes(score: float, threshold: float) -> None:
    answer = {"results": [{"flagged": False, "categories": {}, "category_scores": {"violence": score}}]}
    verdict = judge(
        read_findings(answer, {"violence": threshold}), OpenaiModerationConfig(base_url="http://127.0.0.1:9")
    )
    assert (verdict is None) == (score < threshold)


def test_moderation_whose_classifier_overflowed_holds_the_job(
    desk: Desk, serve: Callable[..., VideoServer]
) -> None:
    def moderate(server: VideoServer, asked: Asked) -> Answer:
        body = '{"results": [{"flagged": false, "categories": {}, "category_scores": {"violence": NaN}}]}'
        return Answer(body.encode()) if asked.path.endswith("/moderations") else Answer(status=404)

    server = serve(other=moderate)
    workflow = desk.workflow(
        server.origin,
        rest='[plugins]\npre_moderate = ["openai-moderation"]\n[plugin.openai-moderation]\n'
        f'base_url = "{server.origin}/v1"\nthresholds = {{ violence = 0.4 }}',
    )
    ended = desk.reelwork("run", workflow, "--yes")
    assert (server.creates, [job["status"] for job in desk.jobs()]) == (0, ["held"]), ended.text
