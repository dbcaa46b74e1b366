"""Runs as values: configuration, state, and how one moves the other. No I/O here."""
