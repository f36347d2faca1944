"""Other engines, each doing the same jobs in the way its own documentation recommends."""
