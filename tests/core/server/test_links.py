"""`reelwork tokens link` leads to the server that runs on the store, without being told where that is."""

from __future__ import annotations

import httpx
from tests.core.server.conftest import Machine

ANA = ("tokens", "link", "ana", "--scope", "approve")


def test_a_link_leads_to_the_server_that_runs_on_this_store(machine: Machine) -> None:
    none = machine.reelwork(*ANA)
    assert (none.returncode, none.stdout.startswith("http://127.0.0.1:8686/sign-in?code=")) == (0, True)
    assert "No server runs on this store now" in none.stderr
    server = machine.start().until_ready()
    made = machine.reelwork(*ANA)
    assert (made.returncode, "No server" in made.stderr) == (0, False)
    address = made.stdout.strip()
    assert address.startswith(f"{server.url}/sign-in?code=")
    page = httpx.get(address, trust_env=False, timeout=60.0)
    assert (page.status_code, "ana" in page.text) == (200, True)
    other = machine.start().until_ready()
    several = machine.reelwork(*ANA)
    assert (several.returncode, "2 servers run on this store" in several.stderr) == (2, True)
    assert server.url in several.stderr
    assert machine.reelwork(*ANA, "--url", other.url).stdout.startswith(other.url)
    # One that was killed says nothing any more, though it could not take its note back.
    server.kill()
    assert machine.reelwork(*ANA).stdout.startswith(f"{other.url}/sign-in")
    assert other.stop()[0] == 0
    assert "No server runs on this store now" in machine.reelwork(*ANA).stderr


def test_behind_a_proxy_it_leads_to_the_public_address(machine: Machine) -> None:
    machine.reelwork("tokens", "add", "ana", "--scope", "admin")
    public = "https://studio.example.com"
    machine.start("serve", "--port", "0", "--public-url", public).until_told(r"^Serving (\S+)")
    assert machine.reelwork(*ANA).stdout.startswith(f"{public}/sign-in?code=")
