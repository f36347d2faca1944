"""What a network did not take with a video, where its plugin takes none of it and so tells nothing."""

from __future__ import annotations

from collections.abc import Sequence

from reelwork_hooks.models import Asset, Receipt

LEFT_OUT = "left_out"
"""Among a receipt's details: a sentence for each thing that is left out."""


def without_captions(receipt: Receipt, destination: str, captions: Sequence[Asset]) -> Receipt:
    """Return the receipt of a post at a destination that takes no captions, with a sentence if it had some."""
    if not captions or LEFT_OUT in receipt.details:
        return receipt
    told = f"{destination} gets no captions: it takes none."
    return receipt.replace(details={**receipt.details, LEFT_OUT: [told]})
