"""What a person is told who starts a network that is signed in to."""

from __future__ import annotations


def account_lines(
    title: str, name: str, address: str, *, login: str = "", client: str = "app ID", beside: str = ""
) -> list[str]:
    """Return how to sign in to a network at `address`, and to point a workflow at it.

    `login` is a field that its sign-in needs, `client` the network's word for a client's id, and `beside` what a
    workflow needs beside the lines.
    """
    field = f" --field {login}" if login else ""
    return [
        f"The simulator is ready at {address}, and plays {title}. Nobody sees what is posted; Ctrl-C stops it.",
        f"Sign in: reelwork accounts add {name} --name rehearsal --service {address}{field}",
        f"Any {client} and secret will do there.",
        f"Point a workflow at it with these lines{beside}:",
        "",
        "[plugins]",
        f'publish = ["{name}"]',
        "",
        f"[plugin.{name}]",
        'account = "rehearsal"',
        "",
        f"What was posted: {address}/",
    ]
