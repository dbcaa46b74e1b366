"""The names that others write against: a change here is a change for all of them."""

from __future__ import annotations

import importlib

import pytest

EXPORTS = {
    "ostler": "__version__",
    "ostler.errors": "BadRequest Compacted Conflict Error Forbidden Internal NotFound "
    "Unauthorized Unavailable Unknown chain innermost",
    "ostler.filesystem": "OstFileSystem",
    "ostler.host": "Host Offered Plugin Problem State",
    "ostler.settings": "Choice DatamanagerSettings LogSettings PluginSettings Resolved Settings default_home "
    "discover_host ensure_home load_settings redact_url resolve_executor resolve_kv "
    "resolve_storage",
    "ostler.spi": "ArchiveContent Body Cancel Capabilities CommonPrefix Compare ConfigFormat "
    "ContainerConfig Delete Document Event Exec ExecConfig ExecutorContext ExecutorDriver "
    "ExecutorType ExecutorView Get KeyValue KvCapabilities KvDriver KvType Lease ObjectInfo "
    "Operation Output Page Pod PodConfig PodInfo Put Readable Reference RegistryAuth RunEvent "
    "RunView SPI_VERSION Settings StepContext StepModel StepType StorageDriver StorageType "
    "Target TaskView TxnResult TypeInfo Volume Watch hookimpl",
    "ostler.testing.faults": "CutBody CutRequest Delay Duplicate Exchange Fault FaultProxy Log LoseAnswer "
    "Plan Record Request Reset Status always chance every first nth s3_error together",
}

HOOKS = (
    "ostler_commands ostler_config_formats ostler_executors ostler_kvs ostler_rank_executors "
    "ostler_required_approvals ostler_run_event ostler_step_types ostler_storages "
    "ostler_task_environment ostler_workloads"
)


@pytest.mark.parametrize("module", EXPORTS)
def test_exported_names(module: str) -> None:
    found = importlib.import_module(module)
    assert sorted(found.__all__) == EXPORTS[module].split()
    assert [name for name in found.__all__ if not hasattr(found, name)] == []


@pytest.mark.parametrize("module", EXPORTS)
def test_every_exported_name_has_a_contract(module: str) -> None:
    found = importlib.import_module(module)
    exported = [getattr(found, name) for name in found.__all__]
    bare = [item for item in exported if callable(item) and not item.__doc__]
    assert bare == []


def test_hooks() -> None:
    from ostler.spi.hooks import HookSpecs

    hooks = {name: hook for name, hook in vars(HookSpecs).items() if name.startswith("ostler_")}
    assert sorted(hooks) == HOOKS.split()
    assert [name for name, hook in hooks.items() if not hook.__doc__] == []
