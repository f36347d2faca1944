"""Schedules: when a workflow is run by itself, and what becomes of each of its times."""
