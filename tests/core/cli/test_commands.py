"""Commands that installed distributions bring."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture
def distribution(tmp_path: Path):
    """Install a distribution the plain way: a folder on the path with metadata and a module."""

    def install(name: str, module: str, entry_points: str) -> str:
        site = tmp_path / "site"
        metadata = site / f"{name}-1.0.dist-info"
        metadata.mkdir(parents=True)
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (metadata / "entry_points.txt").write_text(entry_points)
        (site / f"{name}.py").write_text(module)
        return str(site)

    return install


GOOD = "import click\n@click.command()\ndef greet():\n    click.echo('good morning')\n"


def test_a_distribution_adds_a_command(process, distribution) -> None:
    site = distribution("greeter", GOOD, "[reelwork.commands]\ngreet = greeter:greet\n")
    assert "good morning" in process("greet", PYTHONPATH=site).out
    listed = process("--help", PYTHONPATH=site).out
    assert "greet" in listed
    assert "greeter 1.0" in listed


MAKES = """
import click
from reelwork import Studio

@click.command()
def weekly():
    with Studio(settings={"plugins": {"publish": []}}) as studio:
        result = studio.run_sync("A harbour at dawn, gulls above", duration=0.5, resolution="480p")
    click.echo(result.ok)
"""


def test_a_command_s_studio_uses_the_store_that_the_command_line_names(
    cli, distribution, tmp_path, monkeypatch
) -> None:
    site = distribution("weekly", MAKES, "[reelwork.commands]\nweekly = weekly:weekly\n")
    monkeypatch.syspath_prepend(site)
    outcome = cli("--store", str(tmp_path / "named.db"), "weekly")
    assert (outcome.code, outcome.out.strip()) == (0, "True"), outcome.err
    assert (tmp_path / "named.db").exists()
    assert not (tmp_path / "data" / "reelwork" / "store.db").exists()
    assert "REELWORK_STORE" not in os.environ


def test_a_broken_command_fails_only_when_it_is_called(process, distribution) -> None:
    site = distribution("shaky", "raise OSError('no such device')\n", "[reelwork.commands]\nshake = shaky:go\n")
    assert process("--help", PYTHONPATH=site).code == 0
    assert process("jobs", "list", PYTHONPATH=site).code == 0
    outcome = process("shake", PYTHONPATH=site)
    assert outcome.code == 2
    assert "'shake' (shaky 1.0) could not be loaded: OSError: no such device" in outcome.err
    assert "Traceback" not in outcome.err


def test_a_command_that_is_no_command_is_told(process, distribution) -> None:
    site = distribution("odd", "value = 5\n", "[reelwork.commands]\nodd = odd:value\n")
    outcome = process("odd", PYTHONPATH=site)
    assert outcome.code == 2
    assert "is of the type int, not a click command" in outcome.err


def test_no_distribution_replaces_a_command_of_reelwork(process, distribution) -> None:
    site = distribution("taker", GOOD, "[reelwork.commands]\njobs = taker:greet\n")
    assert "No jobs yet" in process("jobs", "list", PYTHONPATH=site).out


def test_a_broken_plugin_is_listed_with_its_problem_and_breaks_nothing(process, distribution) -> None:
    site = distribution("cracked", "import no_such_module\n", "[reelwork.plugins]\ncracked = cracked:It\n")
    outcome = process("plugins", "list", PYTHONPATH=site)
    assert outcome.code == 0
    assert "rules" in outcome.out
    assert "'cracked' (cracked 1.0) could not be imported: ModuleNotFoundError" in outcome.out
    made = process("run", "A lighthouse in the fog", "--duration", "0.5", "--resolution", "480p", PYTHONPATH=site)
    assert made.code == 0, made.err


@pytest.mark.parametrize(("typed", "meant"), [("rnu", "run"), ("job", "jobs"), ("simulater", "simulator")])
def test_an_unknown_command_suggests_the_nearest(cli, typed: str, meant: str) -> None:
    outcome = cli(typed)
    assert outcome.code == 2
    assert f"There is no command '{typed}'. Did you mean '{meant}'?" in outcome.err


def test_an_unknown_subcommand_suggests_the_nearest(cli) -> None:
    outcome = cli("jobs", "lst")
    assert outcome.code == 2
    assert "Did you mean 'list'?" in outcome.err


FAULTY = """import click
@click.command()
def fall():
    raise RuntimeError("no answer to Authorization: Bearer abcdefgh12345678")
"""


def test_a_fault_is_one_line_and_v_shows_the_details_without_secrets(process, distribution) -> None:
    site = distribution("faller", FAULTY, "[reelwork.commands]\nfall = faller:fall\n")
    short = process("fall", PYTHONPATH=site)
    assert short.code == 1
    assert "Error: command 'fall' (faller 1.0), run: RuntimeError: no answer to" in short.err
    assert "run again with -v" in short.err
    assert "fault in Reelwork" not in short.err
    assert "Traceback" not in short.err
    long = process("-v", "fall", PYTHONPATH=site)
    assert "Traceback" in long.err
    assert "abcdefgh12345678" not in short.err + long.err
