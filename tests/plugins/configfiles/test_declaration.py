import subprocess
import sys

import ostler_configfiles
from ostler.spi.info import load_reference


def test_every_format_can_be_loaded() -> None:
    formats = ostler_configfiles.ostler_config_formats()
    assert [suffix for one in formats for suffix in one.suffixes] == [".yml", ".yaml", ".json"]
    assert all(callable(load_reference(one.read)) for one in formats)


def test_the_declaration_imports_no_parser() -> None:
    code = "import sys, ostler_configfiles as o; o.ostler_config_formats(); print('yaml' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
