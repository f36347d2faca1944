"""The REST API: what the command line shows and does, for programs elsewhere."""
