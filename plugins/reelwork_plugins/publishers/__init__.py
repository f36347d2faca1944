"""Plugins that post videos: one folder a publisher."""
