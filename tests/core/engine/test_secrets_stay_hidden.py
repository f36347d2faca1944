"""A plugin that puts a secret into what it raises or answers: it is masked before it is kept or shown."""

from __future__ import annotations

from typing import Any

import pytest

from reelwork_hooks import Config, OutcomeUnknown, Plugin, Rejected, SecretRef, Verdict, hookimpl

PROMPT = "A lighthouse in the rain at night"
SECRET = "supersecret987654"


class Talkative(Plugin):
    """Tells its secret wherever it can."""

    class Config(Config):
        """Has a token."""

        token: SecretRef = "env:TALKATIVE_TOKEN"

    public = False
    how = "raise"

    @hookimpl
    def pre_moderate(self) -> Verdict | None:
        token = self.context.secret(self.config.token)
        if self.how == "hold":
            return Verdict.hold(f"the token {token} is held")
        if self.how == "raise":
            raise ValueError(f"bad token {token}")
        return None

    @hookimpl
    def publish(self, effect: Any) -> Any:
        token = self.context.secret(self.config.token)
        effect.note(sent=f"with {token}")
        if self.how == "reject":
            raise Rejected(f"refused {token}", hint=f"change {token}")
        raise OutcomeUnknown(f"no answer for {token}")


@pytest.mark.parametrize("how", ["raise", "hold", "reject", "lost"])
def test_no_secret_is_kept_or_told(lab: Any, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALKATIVE_TOKEN", SECRET)
    monkeypatch.setattr(Talkative, "how", how)
    lab.add_plugin("talkative", Talkative, "pre_moderate", "publish")
    told: list[str] = []

    class Watcher:
        def happened(self, happening: Any) -> None:
            told.append(repr(happening))

        def seen(self, render: Any) -> None:
            return

    result = lab.studio(watchers=[Watcher()]).run_sync(PROMPT)
    assert not result.ok
    assert "***" in result.jobs[0].reason
    lab.close()
    kept = b"".join(path.read_bytes() for path in lab.folder.glob("store.db*") if path.is_file())
    assert SECRET not in "".join(told) + result.model_dump_json()
    assert SECRET.encode() not in kept
