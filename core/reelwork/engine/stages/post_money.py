"""The money of a post: its price before it is sent, and what the network says that it charged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reelwork.engine.stages.step import Working
from reelwork.ledger import Act
from reelwork.money import dollars, problem_of, to_dollars, to_micros
from reelwork.planning.job_state import JobData
from reelwork.plugins.units import SHOWN_AS, Units, in_words
from reelwork.store.commands import SettleMoney
from reelwork.store.notes import is_in_doubt
from reelwork.store.records import EffectRow
from reelwork_hooks.effects import EffectState
from reelwork_hooks.errors import PluginInvalid
from reelwork_hooks.models import Post, Receipt
from reelwork_hooks.prices import DOLLARS

NO_PRICE = "unknown"


def price_of(work: Working, destination: str, post: Post, effects: Sequence[EffectRow]) -> int | None:
    """Return the most that a post costs, in millionths of a US dollar; None where that is not known.

    `effects` are those of the job's posts. Raises `PluginInvalid` when its price cannot be known.
    """
    try:
        quote = work.pipeline.post_price(destination, post)
    except PluginInvalid:
        # What may be out has its money reserved, and is looked up whatever its price is now.
        sent = (EffectState.SENT, EffectState.UNKNOWN, EffectState.CONFIRMED)
        if any(one.subject == destination and one.state in sent for one in effects):
            return None
        raise
    return None if quote is None else to_micros(quote.most)


def dearer_than_agreed(
    work: Working, destination: str, act: Act[Receipt], effects: Sequence[EffectRow]
) -> tuple[str, str] | None:
    """Return why a post costs more than was agreed to, and what a yes to its price is stored as; else None.

    `effects` are those of the job's posts.
    """
    if not work.pipeline.names_price(destination) or any(
        one.key == act.key and (one.state != EffectState.INTENDED or is_in_doubt(one.evidence)) for one in effects
    ):
        # What may be out is settled, whatever it costs: to hold it would keep no money back.
        return None
    agreed = list(_agreed(work.data, destination))
    if None in agreed:
        # Who agreed to a price that was not known agreed to every price.
        return None
    most = max((price for price in agreed if price is not None), default=None)
    if act.reserve is not None and act.reserve <= (most or 0):
        return None
    price = dollars(to_dollars(act.reserve))
    now = "the price of the post is no longer known" if act.reserve is None else f"the post costs {price} now"
    told = "no price was agreed to" if most is None else f"{dollars(to_dollars(most))} was agreed to"
    return f"{now}; {told}. Nothing was posted.", _yes_to(destination, act.reserve)


def _agreed(data: JobData, destination: str) -> Iterator[int | None]:
    """Yield the prices that a person agreed to, before the run or since; None: whatever it costs."""
    if destination in data.post_costs:
        yield data.post_costs[destination]
    before = _yes_to(destination, None).removesuffix(NO_PRICE)
    for yes in data.approved:
        if yes.startswith(before):
            price = yes.removeprefix(before)
            yield None if price == NO_PRICE else int(price)


def _yes_to(destination: str, price: int | None) -> str:
    # By the price and not as a hash: what costs less than a price that was agreed to needs no further yes.
    return f"price of {destination}: {NO_PRICE if price is None else price}"


def with_cost(receipt: Receipt, act: Act[Receipt], units: Units) -> tuple[Receipt, tuple[SettleMoney, ...], str]:
    """Return the receipt with its cost, the command that settles the money, and what is wrong with the cost."""
    receipt = _in_dollars(receipt, units)
    problem = "" if receipt.cost is None else problem_of(receipt.cost)
    if receipt.cost is None or problem:
        # As for a render: what was reserved counts as long as nothing better is known.
        told = f"it reported a cost of {receipt.cost:.6g}: {problem}; its price stays counted" if problem else ""
        return receipt.replace(cost=to_dollars(act.reserve)), (), told
    if not receipt.cost and act.reserve is None:
        return receipt, (), ""
    return receipt, (SettleMoney(act.key, to_micros(receipt.cost)),), ""


def followed_cost(
    receipt: Receipt, before: Receipt, keys: Sequence[str], units: Units
) -> tuple[Receipt, tuple[SettleMoney, ...]]:
    """Return a followed post's receipt with its cost, and the command that settles its money, if it is reported."""
    receipt = _in_dollars(receipt, units)
    # The same cost may be what was filled in here, given back by the plugin with the rest of the receipt.
    if receipt.cost is None or problem_of(receipt.cost) or receipt.cost == before.cost:
        return receipt.replace(cost=before.cost), ()
    charged = to_micros(receipt.cost)
    # Nothing is written down for a post that never had a price and costs nothing.
    told = keys if charged or before.cost is not None else ()
    return receipt, tuple(SettleMoney(key, charged) for key in told)


def _in_dollars(receipt: Receipt, units: Units) -> Receipt:
    if receipt.cost_unit == DOLLARS or receipt.cost is None:
        return receipt
    shown = {**receipt.details, SHOWN_AS: in_words(receipt.cost, receipt.cost_unit)}
    cost = units.in_dollars(receipt.cost, receipt.cost_unit)
    return receipt.replace(cost=cost, cost_unit=DOLLARS, details=shown)
