"""What of a pod's configuration means nothing here, in plain words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ostler.spi import ContainerConfig, PodConfig

from .machine import is_current_user, user_name

__all__ = ["notes"]


def notes(config: PodConfig) -> Iterator[str]:
    """Yield one line for the log for everything that is not honoured, and first of all what this is."""
    yield f"the steps are processes of this machine, run as user {user_name()}: nothing isolates them"
    first, *services = config.containers
    if first.image:
        yield f"image {first.image} is not used: the steps see the programs of this machine"
    if not is_current_user(first.user):
        yield f"user {first.user} is not honoured: the steps run as {user_name()}"
    if first.privileged:
        yield "privileged has no meaning without a container"
    if first.entrypoint:
        yield f"entrypoint {' '.join(first.entrypoint)} is not run"
    if first.volumes:
        paths = ", ".join(volume.path for volume in first.volumes)
        yield f"no volume is mounted: {paths}"
    if services:
        yield f"no service is started: {_names(services)}"
    if config.registries_auth:
        yield f"credentials for {', '.join(sorted(config.registries_auth))} are not needed"


def _names(services: Sequence[ContainerConfig]) -> str:
    return ", ".join(service.image or "one without an image" for service in services)
