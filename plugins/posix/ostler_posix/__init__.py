"""Declaration of the `posix` plugin."""
