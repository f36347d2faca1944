"""Polls renders and reads what providers answer."""
