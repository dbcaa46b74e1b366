from __future__ import annotations

from collections.abc import Iterator

import pytest

from ostler.testing.kv import SharedKvConformance
from ostler_etcd.driver import EtcdDriver

from ...etcd_server import EtcdCluster, TlsFiles
from .conftest import OpenDriver

LOGIN = {"user": "ostler", "password": "correct horse"}


class TestEtcd(SharedKvConformance):
    """One member, nothing special. Fixtures `driver` and `second_driver` are in conftest."""


@pytest.fixture(scope="module")
def cluster(
    etcd: None, tls_files: TlsFiles, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[EtcdCluster]:
    with EtcdCluster(tmp_path_factory.mktemp("cluster"), tls=tls_files) as cluster:
        cluster.members[0].enable_auth(**LOGIN, prefix="/team/ostler/")
        yield cluster


class TestEverythingOn(SharedKvConformance):
    """Three members, TLS both ways, a user who may use the prefix only; each driver at another member."""

    @pytest.fixture
    def driver(self, cluster: EtcdCluster, tls_files: TlsFiles, connect: OpenDriver) -> EtcdDriver:
        return connect(*cluster.endpoints, **_secured(tls_files))

    @pytest.fixture
    def second_driver(
        self, cluster: EtcdCluster, tls_files: TlsFiles, connect: OpenDriver
    ) -> EtcdDriver:
        return connect(*reversed(cluster.endpoints), **_secured(tls_files))


def _secured(tls_files: TlsFiles) -> dict[str, object]:
    files = {"ca": tls_files.ca, "cert": tls_files.client_cert, "key": tls_files.client_key}
    paths = {name: str(path) for name, path in files.items()}
    return {"tls": True, "prefix": "/team/ostler/", **paths, **LOGIN}
