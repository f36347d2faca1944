"""What edits a clip, or adds a file to it, once it is downloaded."""
