"""Plugins that edit a clip, or add a file to it, once it is downloaded."""
