"""The common part of Meta's networks: containers that are filled, published once, and asked."""
