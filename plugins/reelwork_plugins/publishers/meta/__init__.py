"""The common part of Meta's networks: a post is made as a container, and the container is published once."""
