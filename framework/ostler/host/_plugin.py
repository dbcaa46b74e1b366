from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

__all__ = ["Plugin", "Problem", "State"]


class State(Enum):
    """What the host makes of a plugin. `DISCOVERED` becomes one of the others when it is loaded."""

    DISCOVERED = "discovered"
    OK = "ok"
    DISABLED = "disabled"
    INCOMPATIBLE = "incompatible"
    DUPLICATE = "duplicate"
    FAILED = "failed"

    @property
    def broken(self) -> bool:
        """Whether someone has to do something about it; strict mode makes it an error."""
        return self in (State.INCOMPATIBLE, State.DUPLICATE, State.FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugin:
    """A plugin as the host knows it.

    :param name: of its entry point.
    :param distribution: that it was installed with.
    :param target: what its entry point names: ``package.module`` or ``package.module:attribute``.
    :param reason: why it is in that state; empty when there is nothing to say.
    :param remedy: what to do about it.
    :param spi_version: that it was written for; None until it is loaded.
    :param hooks: that it implements, sorted; empty until it is loaded.
    """

    name: str
    distribution: str
    version: str
    target: str
    state: State = State.DISCOVERED
    reason: str = ""
    remedy: str = ""
    spi_version: tuple[int, int] | None = None
    hooks: tuple[str, ...] = ()

    @property
    def source(self) -> str:
        """The distribution with its version, for people."""
        return f"{self.distribution} {self.version}"

    @property
    def trouble(self) -> str:
        """The state and its reason, to go after the plugin's name in a sentence."""
        verb = "failed" if self.state is State.FAILED else f"is {self.state.value}"
        return f"{verb}: {self.reason}" if self.reason else verb


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something about plugins that a person should know.

    :param plugin: its name; several are separated by commas.
    :param hook: that was called; empty when it was none.
    """

    plugin: str
    message: str
    remedy: str = ""
    hook: str = ""

    def __str__(self) -> str:
        """Return it as one sentence or two."""
        return f"{self.message}; {self.remedy}" if self.remedy else self.message
