"""`--reference` on a real command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reelwork.testing.clips import sample_video

SMALL = ("A lighthouse at dawn", "--duration", "0.5", "--resolution", "480p")


@pytest.fixture
def picture(folder: Path) -> Path:
    from PIL import Image

    path = folder / "pier.png"
    Image.new("RGB", (64, 36), "navy").save(path)
    return path


def test_a_role_reaches_the_job_and_its_sidecar(cli: Any, folder: Path, picture: Path) -> None:
    outcome = cli("run", *SMALL, "--reference", f"first-frame={picture.name}")
    assert outcome.code == 0, outcome.err
    (sidecar,) = folder.glob("reelwork-out/videos/**/*.json")
    [reference] = json.loads(sidecar.read_text())["brief"]["references"]
    assert reference == {"source": str(picture), "role": "first_frame"}


def test_what_the_provider_does_not_take_is_refused_by_plan_and_run(cli: Any, picture: Path) -> None:
    for command in ("plan", "run"):
        outcome = cli(command, *SMALL, "--reference", f"last_frame={picture}")
        assert outcome.code == 2
        assert "preview takes no reference as last_frame; it takes first_frame" in outcome.err
    outcome = cli("plan", *SMALL, "--reference", f"subject@0.25={picture}")
    assert "subject; it takes first_frame; preview takes no time for a reference" in " ".join(outcome.err.split())


def test_several_and_none_and_misspelt_roles(cli: Any, folder: Path, picture: Path) -> None:
    both = cli("plan", *SMALL, "--input-reference", "pier.png", "--reference", "pier.png")
    assert "references: 2; preview takes at most 1" in both.err
    assert cli("plan", *SMALL, "--reference", "https://example.org/a.png?size=1").code == 0
    misspelt = cli("plan", *SMALL, "--reference", "fist_frame=pier.png")
    assert misspelt.code == 2
    assert "'fist_frame' is not a role of a reference" in misspelt.err
    (folder / "a=b.png").write_bytes(picture.read_bytes())
    assert cli("plan", *SMALL, "--reference", "./a=b.png").code == 0


def test_a_sound_is_not_shown_to_moderation_as_a_picture(folder: Path) -> None:
    from reelwork.planning.prompts import brief_content
    from reelwork_hooks import Brief

    references = [{"source": str(sample_video()), "role": role} for role in ("audio", "source")]
    brief = Brief.model_validate({"prompt": "A fox", "references": references})
    assert brief_content(brief, folder).images == (sample_video(),)
