"""Plugins that change a prompt before it is sent."""
