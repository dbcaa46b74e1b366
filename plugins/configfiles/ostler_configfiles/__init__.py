"""Declaration of the `configfiles` plugin."""
