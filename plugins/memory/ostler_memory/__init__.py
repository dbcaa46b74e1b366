"""Declaration of the `memory` plugin."""
