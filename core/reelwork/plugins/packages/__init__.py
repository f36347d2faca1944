"""Installing and uninstalling packages that bring plugins, into the environment that runs Reelwork."""
