"""The streams of the terminal: nothing is shown that is secret or steers it."""
