"""The prices of X's API, each call by itself.

https://docs.x.com/x-api/getting-started/pricing
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from reelwork_hooks import Quote
from reelwork_hooks.money import dollars

POST, POST_WITH_LINK, ALT_TEXT = Decimal("0.015"), Decimal("0.20"), Decimal("0.005")
OWN_POST_READ = Decimal("0.001")
"""US dollars for each post of the account's own list that is read."""
AS_OF, SOURCE = date(2026, 8, 1), "https://docs.x.com/x-api/getting-started/pricing"


def quote(*, link: bool, alt_text: bool) -> Quote:
    """Return the price of one post."""
    price = POST_WITH_LINK if link else POST
    # In the plan a link is named: it makes a post thirteen times as dear.
    basis = f"{dollars(POST_WITH_LINK)} with a link, without one {dollars(POST)}" if link else "without a link"
    if alt_text:
        price, basis = price + ALT_TEXT, f"{basis}; {dollars(ALT_TEXT)} for the alt text"
    return Quote(most=price, as_of=AS_OF, source=SOURCE, basis=basis)
