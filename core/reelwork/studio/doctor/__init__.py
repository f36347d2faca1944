"""The checks of `reelwork doctor`: of this machine, and of a workflow."""
