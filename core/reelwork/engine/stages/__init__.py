"""The stages of a job, one a file, and the table that names them."""
