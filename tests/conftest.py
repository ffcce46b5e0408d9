"""Maps the name `generio_flows` onto the checkout's root, whatever that folder is called.

Programs that tests start import this for the name. What only pytest needs is elsewhere, to keep them small.
"""

import importlib.util
import sys
from pathlib import Path

pytest_plugins = ["tests.fixtures", "tests.purity"]
ROOT = Path(__file__).resolve().parents[1]


def _map_package() -> None:
    spec = importlib.util.spec_from_file_location(
        "generio_flows", ROOT / "__init__.py", submodule_search_locations=[str(ROOT)]
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["generio_flows"] = module
    spec.loader.exec_module(module)


if "generio_flows" not in sys.modules:
    _map_package()
