"""What changes a prompt before it is sent."""
