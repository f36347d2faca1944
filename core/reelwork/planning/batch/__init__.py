"""Batch files: a brief in each row of a table, a list or a text; every row checked before anything is sent."""
