"""Schedules carried out: what is due becomes jobs, once."""
