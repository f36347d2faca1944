"""Where videos are posted: one folder a publisher."""
