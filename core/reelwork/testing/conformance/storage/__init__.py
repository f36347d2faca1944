"""Conformance of storage plugins: is what they report as stored there, whole and right, whatever goes wrong?

The plugin runs in processes of its own that are killed with SIGKILL; where it talks to a service, a proxy loses,
delays, doubles and spoils requests and answers. What counts is what an independent reader finds in the storage.
"""
