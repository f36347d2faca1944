"""Conformance: does a provider or publisher keep the promise, whatever crashes, is lost or comes late?

The plugin runs in the real engine, in processes of its own that are killed with SIGKILL; a proxy in front of the
author's counterpart loses, delays, doubles and spoils requests and answers. What counts is the counterpart's own
log.
"""

from reelwork.testing.conformance.counterpart import Counterpart
from reelwork.testing.conformance.finishing.film import Film
from reelwork.testing.conformance.finishing.suite import FinishingConformance
from reelwork.testing.conformance.storage.counterpart import StoredFiles
from reelwork.testing.conformance.storage.suite import StorageConformance
from reelwork.testing.conformance.suites import ProviderConformance, PublisherConformance

__all__ = [
    "Counterpart",
    "Film",
    "FinishingConformance",
    "ProviderConformance",
    "PublisherConformance",
    "StorageConformance",
    "StoredFiles",
]
