"""Where a finished clip is stored."""
