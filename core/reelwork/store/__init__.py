"""Where jobs, renders and effects are kept: a small protocol and its SQLite form. Standard library only."""
