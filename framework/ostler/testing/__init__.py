"""Conformance kits for the authors of plugins: import the module of the contract that you implement."""
