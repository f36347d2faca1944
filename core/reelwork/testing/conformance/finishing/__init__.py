"""Conformance of plugins that edit: is the original kept, and the result whole, right and the same every time?

The plugin runs in processes of its own that are killed with SIGKILL, and have no room for what they write. The film
shows a flash and sounds a tone at a known time, so that captions can be shown to keep their times.
"""
