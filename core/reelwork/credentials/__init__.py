"""Secrets and accounts."""
