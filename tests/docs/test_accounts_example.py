"""The plugin of `docs/accounts.md` signs in at a real OAuth provider, and posts."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from tests.core.credentials.oauth.conftest import Cli, cli, net  # noqa: F401
from tests.core.credentials.oauth.network import CLIENT, Network

from reelwork import Studio

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/accounts.md").read_text(encoding="utf-8")
[EXAMPLE] = re.findall(r"^```python\n# wave\.py\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_the_example_signs_in_and_posts(net: Network, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    Path("wave.py").write_text(EXAMPLE.replace("https://wave.example", net.url), encoding="utf-8")
    added = cli("accounts", "add", "wave.py", "--field", f"client_id={CLIENT}")
    assert added.exit_code == 0, added.output
    assert '[plugin.wave] with account = "wave"' in added.output
    assert json.loads(cli("accounts", "list", "--json").output)[0]["identity"] == f"{net.url} ada"
    assert cli("accounts", "check", "wave").exit_code == 0
    # It ends at once, and so is refreshed before the post.
    stored = json.loads(Path("accounts.json").read_text())
    stored["accounts"]["wave"]["expires_at"] = 1.0
    Path("accounts.json").write_text(json.dumps(stored))
    with Studio({"plugins": {"publish": ["./wave.py"]}}, out="out") as studio:
        [job] = studio.run_sync("A lighthouse", duration=1, resolution="480p", caption="Dawn").jobs
    assert (job.status, net.posts) == ("done", ["Dawn"])
    assert len(net.refreshes()) == 1
    checked = cli("plugins", "check", "wave.py")
    assert "0 errors" in checked.output, checked.output
