"""The store on SQLite. Nothing outside this folder knows SQL."""
