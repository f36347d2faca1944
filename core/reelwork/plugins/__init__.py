"""Finds, checks, orders and calls plugins."""
