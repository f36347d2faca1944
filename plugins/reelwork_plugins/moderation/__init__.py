"""Plugins that judge a prompt before it is sent, and a post before it goes out."""
