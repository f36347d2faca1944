"""The checks of `reelwork doctor`: of this machine (`machine.py`), and of a workflow (`workflow.py`)."""
