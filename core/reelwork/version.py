"""The version of Reelwork."""

__version__ = "0.1.0"
