"""What makes a video of a prompt: one folder a provider."""
