"""Plugins that store a finished clip."""
