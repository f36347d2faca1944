"""Workflow files, settings and where things are."""
