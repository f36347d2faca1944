"""From a brief or a batch row to what is asked of a provider."""
