"""Drives jobs: claims them, runs their stages, polls renders, looks up what is in doubt."""
