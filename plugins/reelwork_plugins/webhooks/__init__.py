"""Ways in which providers sign their webhooks, where it takes more than a shared secret."""
