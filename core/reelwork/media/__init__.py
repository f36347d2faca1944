"""Downloads videos, and checks what arrived."""
