"""Everything that the author of a plugin imports, with `ostler.errors`.

Names are loaded when they are first used, so that a declaration costs little.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .configs import ConfigFormat, Document
    from .executor import (
        Cancel,
        ContainerConfig,
        Exec,
        ExecConfig,
        ExecutorContext,
        ExecutorDriver,
        ExecutorType,
        Output,
        Pod,
        PodConfig,
        PodInfo,
        RegistryAuth,
        Volume,
    )
    from .hooks import hookimpl
    from .info import SPI_VERSION, Reference, TypeInfo
    from .kv import (
        Compare,
        Delete,
        Event,
        Get,
        KeyValue,
        KvCapabilities,
        KvDriver,
        KvType,
        Lease,
        Operation,
        Page,
        Put,
        Target,
        TxnResult,
        Watch,
    )
    from .runs import ExecutorView, RunEvent, RunView, TaskView
    from .settings import Settings
    from .steps import ArchiveContent, StepContext, StepModel, StepType
    from .storage import (
        Body,
        Capabilities,
        CommonPrefix,
        ObjectInfo,
        Readable,
        StorageDriver,
        StorageType,
    )

_HOMES = {
    "configs": "ConfigFormat Document",
    "executor": "Cancel ContainerConfig Exec ExecConfig ExecutorContext ExecutorDriver "
    "ExecutorType Output Pod PodConfig PodInfo RegistryAuth Volume",
    "hooks": "hookimpl",
    "info": "Reference SPI_VERSION TypeInfo",
    "kv": "Compare Delete Event Get KeyValue KvCapabilities KvDriver KvType Lease Operation "
    "Page Put Target TxnResult Watch",
    "runs": "ExecutorView RunEvent RunView TaskView",
    "settings": "Settings",
    "steps": "ArchiveContent StepContext StepModel StepType",
    "storage": "Body Capabilities CommonPrefix ObjectInfo Readable StorageDriver StorageType",
}
_HOME = {name: module for module, names in _HOMES.items() for name in names.split()}

__all__ = [
    "SPI_VERSION",
    "ArchiveContent",
    "Body",
    "Cancel",
    "Capabilities",
    "CommonPrefix",
    "Compare",
    "ConfigFormat",
    "ContainerConfig",
    "Delete",
    "Document",
    "Event",
    "Exec",
    "ExecConfig",
    "ExecutorContext",
    "ExecutorDriver",
    "ExecutorType",
    "ExecutorView",
    "Get",
    "KeyValue",
    "KvCapabilities",
    "KvDriver",
    "KvType",
    "Lease",
    "ObjectInfo",
    "Operation",
    "Output",
    "Page",
    "Pod",
    "PodConfig",
    "PodInfo",
    "Put",
    "Readable",
    "Reference",
    "RegistryAuth",
    "RunEvent",
    "RunView",
    "Settings",
    "StepContext",
    "StepModel",
    "StepType",
    "StorageDriver",
    "StorageType",
    "Target",
    "TaskView",
    "TxnResult",
    "TypeInfo",
    "Volume",
    "Watch",
    "hookimpl",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOME[name]}", __name__), name)
