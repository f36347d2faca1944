"""The networks that the simulator plays, a package each. What is posted there is on its page and nowhere else."""
