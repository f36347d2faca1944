"""Turns a brief or a batch row into requests to a provider."""
