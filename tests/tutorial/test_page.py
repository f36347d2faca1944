"""The page has a test for each of its sections, and shows the examples as they are."""

from __future__ import annotations

import re
from pathlib import Path

HERE = Path(__file__).parent
PAGE = (HERE.parents[1] / "docs" / "coming-from-the-tutorial.md").read_text(encoding="utf-8")
HEADINGS = re.findall(r"^## (.+)$", PAGE, re.MULTILINE)
BLOCKS = re.findall(r"^```(?:toml|python)\n# ([\w-]+\.(?:toml|py))\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_each_section_has_a_test_and_each_test_a_section() -> None:
    tests = {path.stem for path in HERE.glob("test_*.py")} - {Path(__file__).stem}
    assert {f"test_{heading.lower().replace(' ', '_')}" for heading in HEADINGS} == tests
    assert len(HEADINGS) == 18


def test_each_section_says_what_the_tutorial_does_and_what_is_better() -> None:
    for section in PAGE.split("\n## ")[1:]:
        assert section.count("**The tutorial**") == 1, section
        assert section.count("**Reelwork") == 1, section
        assert section.count("**Better:**") == 1, section


def test_what_the_page_shows_is_what_the_examples_say(examples: Path) -> None:
    shown = {name: text for name, text in BLOCKS if name != "limited.toml"}
    assert set(shown) >= {path.name for path in examples.glob("*.toml")} | {"batch.py"}
    for name, text in shown.items():
        assert (examples / name).read_text(encoding="utf-8").endswith(text), name
    [first] = re.findall(r"^```python\n(from .*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert (examples / "first_video.py").read_text(encoding="utf-8").endswith(first)
    assert (examples / "prompts.csv").read_text(encoding="utf-8") in PAGE


def test_each_example_says_how_to_run_it_and_what_comes_of_it(examples: Path) -> None:
    for path in [*examples.glob("*.toml"), *examples.glob("*.py")]:
        text = path.read_text(encoding="utf-8")
        assert text.startswith(("# To run: ", '"""To run: ')), path.name
        assert "It should print" in text[:400], path.name
