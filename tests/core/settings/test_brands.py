"""Brands: set up in `reelwork.toml` alone, and named by workflows."""

from __future__ import annotations

from pathlib import Path

import pytest

from reelwork.errors import WorkflowInvalid
from reelwork.plugins.freezing import thaw
from reelwork.settings.workflow import load, relaid
from reelwork.store.frozen import brand_in

SETTINGS = """
[brands.acme]
per_day = 10
per_month = 200
accounts = ["acme-shop"]
tz = "Europe/Berlin"

[brands.bolt]
"""
FLOW = 'brand = "acme"\n[brief]\nprompt = "Dawn"\n'


@pytest.fixture
def flow(tmp_path: Path) -> Path:
    (tmp_path / "reelwork.toml").write_text(SETTINGS)
    path = tmp_path / "flow.toml"
    path.write_text(FLOW)
    return path


def test_a_workflow_has_the_table_of_its_brand(flow: Path) -> None:
    workflow = load(flow, cwd=flow.parent).workflow
    assert (workflow.brand, str(workflow.own_brand.per_day), workflow.own_brand.tz) == (
        "acme",
        "10",
        "Europe/Berlin",
    )
    flow.write_text(FLOW.replace('brand = "acme"', ""))
    plain = load(flow, cwd=flow.parent).workflow
    assert (plain.brand, plain.own_brand.per_day) == ("", None)


def test_a_brand_for_a_whole_folder_stands_in_its_settings(flow: Path) -> None:
    (flow.parent / "reelwork.toml").write_text(f'brand = "bolt"\n{SETTINGS}')
    flow.write_text('[brief]\nprompt = "Dawn"\n')
    assert load(flow, cwd=flow.parent).workflow.brand == "bolt"


@pytest.mark.parametrize(
    ("brand", "settings", "message", "hint"),
    [
        ("acmee", SETTINGS, r"flow\.toml, line 1: There is no brand named 'acmee'. Did you mean 'acme'\?", ""),
        (
            "acme",
            "",
            r"flow\.toml, line 1: There is no brand named 'acme'",
            "Write [brands.acme] in",
        ),
        ("acme", '[brands."a b"]\n', r"reelwork\.toml, line 1: a brand cannot be called 'a b'", "Use letters"),
        ("acme", "[brands.acme]\nper_dya = 3\n", r"reelwork\.toml.*unknown key 'brands\.acme\.per_dya'", "per_day"),
        ("acme", "[brands.acme]\nper_day = -1\n", r"reelwork\.toml, line 2: brands\.acme\.per_day = -1", ""),
    ],
)
def test_a_brand_that_there_is_not_is_refused(
    flow: Path, brand: str, settings: str, message: str, hint: str
) -> None:
    (flow.parent / "reelwork.toml").write_text(settings)
    flow.write_text(FLOW.replace("acme", brand))
    with pytest.raises(WorkflowInvalid, match=message) as refused:
        load(flow, cwd=flow.parent)
    assert hint in refused.value.hint


def test_a_workflow_cannot_raise_the_ceilings_of_its_brand(flow: Path) -> None:
    flow.write_text(f"{FLOW}[brands.acme]\nper_day = 1000\n")
    with pytest.raises(WorkflowInvalid, match=r"flow\.toml: brands are set up in reelwork\.toml, not in"):
        load(flow, cwd=flow.parent)


def test_a_person_can_raise_them_for_what_goes_on(flow: Path) -> None:
    loaded = load(flow, cwd=flow.parent)
    raised = relaid(loaded, {"brands": {"acme": {"per_day": 20}}}).workflow
    assert (str(raised.own_brand.per_day), raised.own_brand.accounts) == ("20", ("acme-shop",))
    with pytest.raises(WorkflowInvalid, match=r"--set brand=….*There is no brand named 'other'"):
        relaid(loaded, {"brand": "other"})


@pytest.mark.parametrize("frozen", ["", "{}", "[]", "no JSON", '{"workflow": []}', '{"workflow": {}}'])
def test_a_run_without_a_brand_has_none(frozen: str) -> None:
    assert brand_in(frozen) == ""


def test_a_run_of_an_earlier_version_has_no_brand() -> None:
    frozen = '{"workflow": {}, "base_dir": ".", "out": ".", "source": "", "text": ""}'
    assert thaw(frozen).workflow.brand == ""
