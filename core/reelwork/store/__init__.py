"""The store of jobs, renders and effects: a small protocol and its SQLite form. Standard library only."""
