"""The interface for programs and commands: the studio, launching, dry runs, results and decisions."""
