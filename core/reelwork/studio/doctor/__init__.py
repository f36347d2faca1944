"""What `reelwork doctor` looks at."""
