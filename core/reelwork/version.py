"""The version of Reelwork."""

# The only place that says it: the package's own version and what `plugins new` requires are taken from here. It is
# raised as soon as something of the next version is there, so that a package which needs that can say so.
__version__ = "0.3.0"
