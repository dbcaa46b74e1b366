"""Declaration of the `steps` plugin."""
