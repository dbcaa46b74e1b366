"""Run config files: found, read, checked, and turned into run configs."""

from ostler.runs.when import Source

from .file import CANDIDATES, find_config, read_config
from .git import git_source, given_source
from .parsed import ConfigFile, ParsedRun, resolve
from .problems import ConfigError, Problem

__all__ = [
    "CANDIDATES",
    "ConfigError",
    "ConfigFile",
    "ParsedRun",
    "Problem",
    "Source",
    "find_config",
    "git_source",
    "given_source",
    "read_config",
    "resolve",
]
