"""A crash-safe database of typed entries in object storage."""
