"""Where the links of an archive lead, known while it streams by."""

from __future__ import annotations

from ostler.errors import BadRequest

__all__ = ["Links", "plain_name"]


def plain_name(name: str) -> str:
    """Return a member's name without ``.`` parts and doubled slashes; ``""`` is the root.

    :raises BadRequest: it is absolute or has a ``..`` part.
    """
    if name.startswith("/"):
        raise BadRequest(f"archive member {name!r} is absolute; names are relative to its root")
    parts = _parts(name)
    if ".." in parts:
        raise BadRequest(f"archive member {name!r} has a '..' part; nothing may leave the root")
    return "/".join(parts)


class Links:
    """The links seen so far, and the paths that must not become one.

    A ``..`` in a link's target means the lexical parent only where what stands
    before it is no link itself; both orders of arrival are caught.
    """

    def __init__(self) -> None:
        self._targets: dict[str, str] = {}
        self._crossed: set[str] = set()

    def check_member(self, name: str) -> None:
        """Check a member of any type.

        :raises BadRequest: it would be written through a link of the same archive.
        """
        if not self._targets:
            return
        for parent in _prefixes(name.split("/")[:-1]):
            if parent in self._targets:
                raise BadRequest(
                    f"archive member {name!r} lies below {parent!r}, which is a link "
                    "in the same archive; nothing is written through links"
                )

    def add_symlink(self, name: str, target: str) -> None:
        """Take note of a symbolic link.

        :raises BadRequest: it leads out of the archive's root.
        """
        if not target:
            raise BadRequest(f"archive member {name!r} is a link to nothing")
        if target.startswith("/") or not self._stays_inside(name, target):
            raise BadRequest(
                f"archive member {name!r} is a link to {target!r}, which leads out of the archive"
            )
        if name in self._crossed:
            raise BadRequest(
                f"archive member {name!r} is a link that another link's '..' passes through"
            )
        self._targets[name] = target

    def add_hardlink(self, name: str, target: str) -> str:
        """Return the plain name of a hard link's target.

        :raises BadRequest: it is outside, or behind a link of the same archive.
        """
        try:
            plain = plain_name(target)
        except BadRequest as error:
            raise BadRequest(f"archive member {name!r} is a hard link: {error.message}") from error
        if not plain:
            raise BadRequest(f"archive member {name!r} is a hard link to the archive's root")
        self.check_member(plain)
        if plain in self._targets:
            self.add_symlink(name, self._targets[plain])
        return plain

    def _stays_inside(self, name: str, target: str) -> bool:
        here = name.split("/")[:-1]
        for part in _parts(target):
            if part != "..":
                here.append(part)
                continue
            if not here or not self._cross(here):
                return False
            here.pop()
        return True

    def _cross(self, parts: list[str]) -> bool:
        passed = _prefixes(parts)
        self._crossed.update(passed)
        return self._targets.keys().isdisjoint(passed)


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part not in ("", ".")]


def _prefixes(parts: list[str]) -> list[str]:
    return ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]
