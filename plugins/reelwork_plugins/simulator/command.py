"""The command `reelwork simulator`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from reelwork_hooks import InvalidInput
    from reelwork_plugins.simulator.settings import SimulatorSettings


class _WithFaults(click.Command):
    """Adds the table of faults to the help: it is long, and read only there."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        from reelwork_plugins.simulator.faults import describe_faults

        with formatter.section("Faults: OPERATION:KIND[=VALUE][:retry-after=S][@50%|@nth=5][*COUNT]"):
            formatter.write(describe_faults() + "\n")
        formatter.write_paragraph()
        formatter.write_text(
            "create means create, remix and edits. @50% strikes half of the requests, by chance; @nth=5 only the "
            "fifth; *3 only the next three. While it runs: GET and POST /_simulator/faults, GET "
            "/_simulator/requests, /_simulator/jobs, /_simulator/posts and /_simulator/webhooks, POST "
            "/_simulator/restart."
        )


# Its own, as `reelwork` has it: click remembers the option of the first context that asks, whoever called.
@click.command(cls=_WithFaults, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--port", type=int, default=8765, show_default=True, help="Port to listen on; 0 for any free one.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--allow-host",
    "allow_hosts",
    multiple=True,
    metavar="NAME",
    help="A host name that others use for it. Repeatable.",
)
@click.option(
    "--protocol",
    type=click.Choice(["videos", "fal", "kling"]),
    default="videos",
    show_default=True,
    help="The service to play: the Videos protocol, fal's queue, or Kling.",
)
@click.option(
    "--network",
    type=click.Choice(
        [
            "discord",
            "facebook",
            "instagram",
            "linkedin",
            "mastodon",
            "telegram",
            "threads",
            "tiktok",
            "webhook",
            "x",
            "youtube",
        ]
    ),
    help="Play this network instead, with a page that shows what was posted.",
)
@click.option(
    "--dialect",
    type=click.Choice(["sora", "vllm-omni", "litellm", "sglang", "openrouter"]),
    default="sora",
    show_default=True,
    help="The dialect of /v1, with --protocol videos. Every dialect is also served at /NAME/v1.",
)
@click.option("--api-key", help="Require this bearer token.")
@click.option("--model", "models", multiple=True, help="Serve only this model, except with sora. Repeatable.")
@click.option(
    "--render-seconds",
    type=float,
    default=2.0,
    show_default=True,
    help="How long a render takes, or a network processes a video.",
)
@click.option("--concurrent", type=int, help="How many renders run at once; others wait in the queue.")
@click.option(
    "--fault", "faults", multiple=True, metavar="SPEC", help="Make something go wrong: see below. Repeatable."
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the faults that strike by chance.")
@click.option("--webhook", metavar="URL", help="Send events there (sora, openrouter).")
@click.option("--webhook-secret", metavar="whsec_…", help="The secret that signs the events; by default a new one.")
@click.option("--canned", is_flag=True, help="Serve plain grey clips at once instead of drawing previews.")
@click.option(
    "--state", type=click.Path(path_type=Path, file_okay=False), help="Keep jobs and clips in this folder."
)
@click.option("--requests-per-minute", type=int, help="Answer 429 with Retry-After above this.")
@click.option("--creates-per-minute", type=int, help="The same for creates only, not for polls and downloads.")
@click.option("--refuse-above", type=int, help="Answer a create with 429 while this many renders are unfinished.")
@click.option(
    "--rate-limits/--no-rate-limits",
    default=True,
    help="Refuse more uploads and posts than the real network allows.",
)
@click.option("--idempotency-keys", is_flag=True, help="Act only once for each Idempotency-Key.")
@click.option(
    "--log-file", type=click.Path(path_type=Path, dir_okay=False), help="Log requests here as JSON lines."
)
def simulator(**options: Any) -> None:
    """Play a video service or a network for free, to rehearse workflows and what can go wrong.

    It renders clips that are marked as previews, charges nothing, and calls only --webhook. Stop it with Ctrl-C.
    """
    from reelwork_hooks import InvalidInput
    from reelwork_plugins.simulator.server import serve
    from reelwork_plugins.simulator.settings import SimulatorSettings

    try:
        settings = SimulatorSettings(**options)
    except InvalidInput as error:
        raise click.UsageError(_plain(error)) from error
    fresh_secret = options["webhook_secret"] is None
    try:
        serve(settings, lambda address: click.echo(_welcome(settings, address, fresh_secret=fresh_secret)))
    except InvalidInput as error:
        raise click.ClickException(_plain(error)) from error
    click.echo("The simulator has stopped.")


def _plain(error: InvalidInput) -> str:
    return "\n".join(part for part in (error.message, error.hint) if part)


def _welcome(settings: SimulatorSettings, address: str, *, fresh_secret: bool) -> str:
    from reelwork_plugins.simulator.protocols import played

    lines = played(settings).welcome(settings, address, fresh_secret=fresh_secret)
    if settings.faults:
        lines.append(f"Faults: {', '.join(settings.faults)}")
    return "\n".join(lines)
