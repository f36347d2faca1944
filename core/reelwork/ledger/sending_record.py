"""The record of how an effect was sent. The effect is settled by this, whatever the settings are now."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from reelwork.clock import Clock, Instant
from reelwork.ledger.evidence import Key
from reelwork.ledger.outcomes import Act
from reelwork.store.notes import is_in_doubt
from reelwork.store.records import EffectRow
from reelwork_hooks.effects import Idempotency

FOREVER = float("inf")


@dataclass(frozen=True)
class Sent:
    """The record of the first sending whose outcome is unknown, or of the latest sending."""

    run: str = ""
    """The run whose frozen workflow it was sent with."""
    place: str = ""
    """The account and endpoint."""
    endpoint: str = ""
    """The endpoint alone; empty if it is not known."""
    credential: str | None = None
    """A hash of what it was signed in with; None when that could not be read."""
    keyed: bool = False
    """It carried a key that the other side honours."""
    valid_for: float = 0.0
    """Seconds for which the other side knows the key."""
    body: str = ""
    """A hash of the request."""
    contract: int = 1
    boot: str = ""
    steady: float = 0.0
    wall: float = 0.0
    reading: int = 0
    """The last reading of the list before it was first sent."""
    before: float | None = None
    """The moment when the list was read right before, by the boot clock; None if it was not."""
    answered: Instant | None = None
    cold_wait: float | None = None

    @property
    def known(self) -> bool:
        """False for effects of older stores, and of backups put in use."""
        return bool(self.place)

    @property
    def at(self) -> Instant:
        """The moment when it left, by the boot clock."""
        return Instant(self.boot, self.steady)


def sent_of(effect: EffectRow) -> Sent:
    """Return the record of how an effect was sent."""
    how: dict[str, Any] = json.loads(effect.how)
    answered, valid_for = how.pop("answered", None), how.pop("valid_for", 0.0)
    known = {name: value for name, value in how.items() if name in Sent.__dataclass_fields__}
    return Sent(
        **known,
        answered=Instant(**answered) if answered else None,
        valid_for=FOREVER if valid_for is None else float(valid_for),
    )


def how_json(act: Act[Any], credential: str | None, clock: Clock, before: float | None = None) -> str:
    """Return as JSON how an effect is about to be sent."""
    now = clock.now()
    sent = Sent(
        run=act.run,
        place=act.place or act.account,
        endpoint=act.endpoint,
        credential=credential,
        keyed=act.idempotency is Idempotency.KEY,
        body=act.body,
        boot=now.boot,
        steady=now.seconds,
        wall=clock.wall(),
        before=before,
    )
    kept = asdict(sent)
    # JSON has no infinity: a key that is known for ever is kept as one without a number.
    # The store adds `reading` in the commit of `sent`, and `answered` comes with the answer: neither is known yet.
    kept["valid_for"] = None if act.valid_for == FOREVER else act.valid_for
    return json.dumps({name: value for name, value in kept.items() if name not in ("answered", "reading")})


def key_of(act: Act[Any], effect: EffectRow, credential: str | None, clock: Clock) -> Key | None:
    """Return the state of the key an effect was sent with; None if it carried none, or none is honoured now."""
    if act.idempotency is not Idempotency.KEY:
        return None
    sent, wall = sent_of(effect), clock.wall()
    if not sent.known:
        # How it was sent is not known. A key that is known for ever is the plugin's own nature, not a setting's.
        # Older stores and restored backups know neither endpoint, credential nor body; only the account can be
        # compared.
        same = effect.account in (act.account, act.alias)
        return Key(same, same, same, act.valid_for if act.valid_for == FOREVER else 0.0, None, 0.0)
    if not sent.keyed:
        return None
    return Key(
        same_endpoint=sent.place == (act.place or act.account),
        # Keys are known per account. One that cannot be read now may be another account's, where the key would be
        # new.
        same_credential=credential is not None and sent.credential == credential,
        same_body=sent.body == act.body,
        # A newer plugin may declare a longer lifetime than the server had when it took the key. The shorter one is
        # safe.
        valid_for=min(sent.valid_for, act.valid_for),
        # Both clocks must agree: the boot clock says nothing over a restart, and the wall clock may have been set
        # back.
        age=sent.at.until(clock.now()),
        wall_age=wall - sent.wall,
    )


def has_moved(act: Act[Any], effect: EffectRow, credential: str | None) -> bool:
    """Return whether the endpoint or the credential is not the one an effect was sent with."""
    sent = sent_of(effect)
    if not sent.known:
        return effect.account not in (act.account, act.alias)
    # A credential that cannot be read is not yet another one, so it alone does not count as moved.
    elsewhere = sent.place != (act.place or act.account)
    unread = credential is None or sent.credential is None
    return elsewhere or (not unread and sent.credential != credential)


def in_doubt(effect: EffectRow) -> bool:
    """Return whether an earlier attempt with the same key may have happened."""
    return is_in_doubt(effect.evidence)
