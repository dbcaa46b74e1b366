"""What strace looks at: ``traced.py TYPE PATH PERSIST SIZE [LATER]``.

LATER: how many objects to store without and to persist afterwards, together.
"""

from __future__ import annotations

import io
import sys

from ostler.spi.storage import StorageDriver
from ostler_posix.driver import PosixStorage
from ostler_posix.flat import PosixFlatStorage
from ostler_posix.settings import PosixSettings

kind, path, persist, size, *more = sys.argv[1:]
settings = PosixSettings(path=path)
driver: StorageDriver = PosixStorage(settings) if kind == "posix" else PosixFlatStorage(settings)
data = bytes(int(size))
later = [f"later/{number}/log" for number in range(int(more[0]))] if more else []
for key in later:
    driver.put(key, io.BytesIO(data), size=len(data), persist=False, if_absent=False)
if later:
    driver.persist(later)
for key in () if later else ("one/two/three", "one/two/three", "one/two/four"):
    source = io.BytesIO(data)
    driver.put(key, source, size=len(data), persist=persist == "1", if_absent=key[-1] == "r")
driver.close()
