"""The consent that a launch needs before it spends money or posts where everyone can see it.

Where nobody can be asked, the workflow itself may agree: a ceiling under `[budget]` to the money, `unasked` under
`[posts]` to the posts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from reelwork.errors import Declined
from reelwork.money import dollars
from reelwork.planning.budget_room import Room
from reelwork.planning.plan import total
from reelwork.planning.review_rules import surely
from reelwork.plural import counted
from reelwork.studio.launch import Launch, public_destinations

FOR_MONEY = "set a ceiling under [budget] in the workflow"
FOR_POSTS = "write unasked = true under [posts] in the workflow"
FOR_REHEARSALS = "leave the networks out with: --set 'plugins.publish=[\"gallery\"]'"


@dataclass(frozen=True, slots=True)
class Consent:
    """The yes that a launch needs, and how far its workflow agrees."""

    launch: Launch = field(repr=False)
    cost: Decimal | None
    """US dollars for the new jobs, with what plugins may pay at most; None when a price is not known."""
    public: tuple[str, ...]
    """The destinations where everyone could see the posts, without those whose posts wait for a review."""
    rehearsal: bool
    """True if the provider only stands in for a real one."""
    tight: tuple[Room, ...]
    """The budgets of a day or month that have no room for this launch."""
    money_agreed: bool
    """True if the workflow agrees to the money, or nothing is spent."""
    posts_agreed: bool
    """True if the workflow agrees to the posts, or nobody else would see them."""

    @property
    def needed(self) -> bool:
        """True if a person, where there is one, is asked."""
        return self.cost != 0 or bool(self.public)

    @property
    def spends(self) -> str:
        """A sentence about the money."""
        launch = self.launch
        made = f"This makes {counted(len(launch.jobs), 'render')} at {launch.pipeline.provider_name}"
        if self.cost is None:
            return f"{made}{_unknown(launch)}."
        parts = ((launch.posts_cost, "for posts"), (launch.calls_cost, "at most for plugin calls"))
        of_it = "".join(f", {dollars(amount)} of it {what}" for amount, what in parts if amount)
        return f"{made} for {dollars(self.cost)}{_price(launch)}{of_it}."

    @property
    def shows(self) -> str:
        """A sentence about the posts."""
        what = "This"
        if self.rehearsal:
            what = f"This is a rehearsal, made by {self.launch.pipeline.provider_name}, that"
        return f"{what} posts to {', '.join(self.public)}, where everyone can see it."

    @property
    def over_budgets(self) -> tuple[str, ...]:
        """A sentence about each budget that has no room."""
        return tuple(f"{left}: what does not fit would be held." for left in self.left_in_budgets)

    @property
    def left_in_budgets(self) -> tuple[str, ...]:
        """The same without what follows from it."""
        return tuple(
            f"The budget {room.named} = {dollars(room.ceiling)} has {dollars(room.counted)} in it, "
            f"{dollars(room.left)} is left"
            for room in self.tight
        )


def consent_for(launch: Launch) -> Consent:
    """Return what a launch needs a yes for. It costs no more than looking at its price."""
    pipeline, cost = launch.pipeline, total((launch.cost, launch.calls_cost))
    review, rehearsal = pipeline.workflow.review, pipeline.provider.rehearsal
    # Who approves a post agrees to it then, having seen it.
    public = tuple(name for name in public_destinations(pipeline) if not surely(review, name))
    return Consent(
        launch,
        cost,
        public,
        rehearsal,
        # Said before the yes: what does not fit is held, and a person may prefer to raise the budget first.
        tight=tuple(room for room in launch.rooms if cost is not None and cost > room.left),
        money_agreed=cost == 0 or _covered(launch, cost),
        # A workflow's consent to posts was not meant for videos that are marked PREVIEW.
        posts_agreed=not public or (pipeline.workflow.posts.unasked and not rehearsal),
    )


def _covered(launch: Launch, cost: Decimal | None) -> bool:
    """Return whether the workflow agrees to the money: its ceilings leave room, or it allows unknown prices."""
    budget, brand = launch.pipeline.workflow.budget, launch.pipeline.workflow.own_brand
    # `per_job` is not among them: it limits each render, but not how many are made.
    all_ = (budget.per_run, budget.per_day, budget.per_month, brand.per_day, brand.per_month)
    ceilings = [amount for amount in all_ if amount is not None]
    if cost is None:
        # A ceiling cannot hold what has no price, so the workflow must say that it may be spent.
        return bool(ceilings) and budget.allow_unknown_price
    return bool(ceilings) and cost <= min([*ceilings, *(room.left for room in launch.rooms)])


def check_agreed(consent: Consent, way: str) -> None:
    """Make sure that the workflow agrees, where there is nobody to ask. `way` says how a person can agree.

    Raises `Declined`.
    """
    sentences, ways = list(_not_agreed(consent)), list(_ways(consent))
    if sentences:
        raise Declined(
            f"{' '.join(sentences)} There is nobody to ask here.", hint=f"{way}, or {' and '.join(ways)}."
        )


def _not_agreed(consent: Consent) -> Iterator[str]:
    if not consent.money_agreed:
        yield consent.spends
        yield from consent.over_budgets
    if not consent.posts_agreed:
        yield consent.shows


def _ways(consent: Consent) -> Iterator[str]:
    if not consent.money_agreed:
        names = " and ".join(room.setting for room in consent.tight)
        yield f"raise {names}" if names else FOR_MONEY
    if not consent.posts_agreed:
        yield FOR_REHEARSALS if consent.rehearsal else FOR_POSTS


def _unknown(launch: Launch) -> str:
    calls = f"; plugin calls cost at most {dollars(launch.calls_cost)} more" if launch.calls_cost else ""
    renders = launch.renders_cost
    if renders is None:
        return f"; what that costs is not known{calls}"
    where = ", ".join(launch.unpriced_posts)
    return f" for {dollars(renders)}{_price(launch)}; what the posts to {where} cost is not known{calls}"


def _price(launch: Launch) -> str:
    dates = [job.price.as_of for plan in launch.plans for job in plan.jobs if job.price is not None]
    oldest = min(dates, default=None)
    return f" (prices as of {oldest})" if oldest else ""
