"""What a plugin requires, beside what is installed."""

from __future__ import annotations

from importlib.metadata import version

import pytest

from reelwork.testing.check import check
from reelwork.testing.check.requirements import check_requirements


@pytest.mark.parametrize(
    ("requirement", "told"),
    [
        ("no-such-package-anywhere>=2", "requires no-such-package-anywhere>=2, which is not installed."),
        ("click<1", f"requires click<1, but {version('click')} is installed."),
        ("click >> 3", "requires 'click >> 3', which cannot be read."),
    ],
)
def test_what_is_not_met_is_told(requirement: str, told: str) -> None:
    (finding,) = check_requirements("acme", [requirement])
    assert (finding.level, finding.about, finding.message) == ("error", "acme", told)


@pytest.mark.parametrize(
    "requirement",
    ["click", "click>=1", "no-such-package; python_version < '3'", "no-such-package; extra == 'more'"],
)
def test_what_is_met_or_not_asked_for_here_is_not_talked_about(requirement: str) -> None:
    assert list(check_requirements("acme", [requirement])) == []


def test_an_installed_plugin_is_checked_as_well() -> None:
    (report,) = check("rules")
    assert not [finding for finding in report.findings if "requires" in finding.message]
