"""Batch files: a brief in each row of a table, a list or a text; every row checked before anything is sent."""

from reelwork.planning.batch.reading import MOST_SHOWN, Row, Rows, read_batch, together

__all__ = ["MOST_SHOWN", "Row", "Rows", "read_batch", "together"]
