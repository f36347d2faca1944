"""`reelwork serve`: one long-running process that drives jobs, answers over HTTP and tells how it is."""
