"""`python -m reelwork` is the command `reelwork`."""

from reelwork.cli import main

if __name__ == "__main__":
    main()
