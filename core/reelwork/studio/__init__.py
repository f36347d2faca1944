"""What programs and commands use: the studio, launching, dry runs, results and decisions."""
