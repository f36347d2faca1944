"""The output of commands: pages, live progress and summaries for people, and JSON for programs."""
