"""The version of Reelwork."""

__version__ = "0.2.0"
