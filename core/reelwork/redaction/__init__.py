"""Keeps secrets out of all output."""
