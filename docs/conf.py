"""Sphinx configuration."""

from __future__ import annotations

from ostler import __version__

project = "Ostler"
author = "The Ostler authors"
release = version = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
html_theme = "furo"
html_title = "Ostler"
exclude_patterns = ["_build"]
nitpicky = False
