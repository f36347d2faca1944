"""What judges a prompt before it is sent."""
