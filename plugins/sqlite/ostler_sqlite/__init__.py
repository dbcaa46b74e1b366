"""Declaration of the `sqlite` plugin."""
