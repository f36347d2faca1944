"""Downloads videos, and looks at what arrived."""
