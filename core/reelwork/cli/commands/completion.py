"""`reelwork completion`."""

from __future__ import annotations

import click

from reelwork.cli.shared import common_options

PLACES = {
    "bash": ("~/.bashrc", 'eval "$(reelwork completion bash)"'),
    "zsh": ("~/.zshrc", 'eval "$(reelwork completion zsh)"'),
    "fish": ("~/.config/fish/config.fish", "reelwork completion fish | source"),
}


@click.command(
    epilog="\b\nTo switch it on, add to:\n" + "\n".join(f"  {file:28} {line}" for file, line in PLACES.values()),
)
@click.argument("shell", type=click.Choice(list(PLACES)))
@common_options(json=False)
def completion(shell: str) -> None:
    """Print the script that makes SHELL complete commands, options, job ids, plugins, providers and platforms."""
    from click.shell_completion import get_completion_class

    from reelwork.cli.app import reelwork

    kind = get_completion_class(shell)
    assert kind is not None
    maker = kind(reelwork, {}, "reelwork", "_REELWORK_COMPLETE")
    # Not `source()`: for bash it runs bash to ask for its version, and the script may be for another machine.
    click.echo(maker.source_template % maker.source_vars())
