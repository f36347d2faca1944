"""The plugin of `docs/accounts.md` signs in at a real OAuth provider, and posts."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from tests.core.credentials.oauth.conftest import Cli, cli, net  # noqa: F401
from tests.core.credentials.oauth.network import CLIENT, Network

from reelwork import Studio
from reelwork.testing import Asked, serving

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


def test_the_example_with_a_password_signs_in_and_stores(cli: Cli, tmp_path: Path) -> None:  # noqa: F811
    [example] = re.findall(r"^```python\n# deposit\.py\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    Path("deposit.py").write_text(example, encoding="utf-8")
    kept: dict[str, bytes] = {}

    def answer(asked: Asked) -> tuple[int, Any]:
        if asked.path == "/token":
            return (200, {"token": "t-123456"}) if "password=hunter2x" in asked.text else (401, {})
        kept[asked.path] = asked.body
        return (201 if asked.headers["authorization"] == "Bearer t-123456" else 401), {}

    Path("password").write_text("hunter2x")
    with serving(answer) as url:
        given = ("--field", f"server={url}", "--field", "user=ann", "--field", "password=file:password")
        added = cli("accounts", "add", "deposit.py", *given)
        assert added.exit_code == 0, added.output
        assert "hunter2x" not in Path("accounts.json").read_text()
        lists = {"pre_moderate": [], "prompt_transform": [], "publish": [], "post_download": ["./deposit.py"]}
        with Studio({"plugins": lists}, out="out") as studio:
            [job] = studio.run_sync("A lighthouse", duration=1, resolution="480p").jobs
    assert job.status == "done", job.reason
    assert list(kept.values()) == [Path(str(job.video)).read_bytes()]
