"""Declaration of the `local` plugin."""
