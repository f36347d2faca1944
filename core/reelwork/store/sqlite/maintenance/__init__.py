"""Looking after a store: checking it, copying it while it is used, removing what is no longer needed.

Standard library only, so that `reelwork store` answers at once.
"""
