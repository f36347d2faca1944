"""The stream through which everything is printed: without secrets, and without control characters but colours."""

from __future__ import annotations

import io
import re
import sys
from typing import TextIO

from reelwork.redaction.redactor import mask
from reelwork.text import escaped

_COLOUR = r"(\x1b\[[0-9;]{0,20}m)"
"""Select Graphic Rendition (ECMA-48, 8.3.117): colours and weights, which change nothing on the screen."""


class ShownStream(io.TextIOWrapper):
    """A standard stream of a command. Lines that plugins print, tracebacks and warnings pass here, too."""

    def write(self, text: str, /) -> int:
        """Write the text masked, with control characters written out as `\\u001b`."""
        # Masked first: a secret is known by its own characters, not by their escaped forms.
        parts = re.split(_COLOUR, mask(text)) if "\x1b" in text else [mask(text)]
        # Every second part is a colour.
        super().write("".join(part if at % 2 else escaped(part) for at, part in enumerate(parts)))
        # The length of what was given: `print` must not take a masked secret for a short write.
        return len(text)

    def steer(self, text: str) -> int:
        """Write what a display of ours draws with, such as moves of the cursor."""
        return super().write(mask(text))


class Drawing(io.TextIOBase):
    """Standard error for displays that redraw themselves. What they show of others must be clean."""

    def __init__(self) -> None:
        self._stream: TextIO = sys.stderr

    def write(self, text: str, /) -> int:
        """Write it as it is."""
        return self._stream.steer(text) if isinstance(self._stream, ShownStream) else self._stream.write(text)

    def flush(self) -> None:
        """Pass on what was written."""
        self._stream.flush()

    def isatty(self) -> bool:
        """Return whether a person sees it."""
        return self._stream.isatty()

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._stream.fileno()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """Return what characters are written in."""
        return self._stream.encoding
