"""HTTP, and the rules about where requests may go."""
