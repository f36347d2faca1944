"""Reelwork: plugin-based automation for AI video that never pays twice and never posts twice."""

__version__ = "0.1.0"
