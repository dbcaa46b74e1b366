"""What strace looks at: ``traced.py TYPE PATH PERSIST SIZE``."""

from __future__ import annotations

import io
import sys

from ostler.spi.storage import StorageDriver
from ostler_posix.driver import PosixStorage
from ostler_posix.flat import PosixFlatStorage
from ostler_posix.settings import PosixSettings

kind, path, persist, size = sys.argv[1:]
settings = PosixSettings(path=path)
driver: StorageDriver = PosixStorage(settings) if kind == "posix" else PosixFlatStorage(settings)
data = bytes(int(size))
for key in ("one/two/three", "one/two/three", "one/two/four"):
    source = io.BytesIO(data)
    driver.put(key, source, size=len(data), persist=persist == "1", if_absent=key[-1] == "r")
driver.close()
