"""Plugins that make a video from a prompt: one folder a provider."""
