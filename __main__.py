# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line where there is no Blender: `python path/to/generio_flows …`, `python -m generio_flows …`.

The folder may have any name. Only requests is needed, and bpy where .blend files are.
"""

import importlib
import importlib.util
import os
import sys
from pathlib import Path

NAME = "generio_flows"


def package() -> str:
    """The name under which this folder is imported; made here where Python was given the folder's path."""
    if __package__:
        return __package__
    folder = Path(__file__).resolve().parent
    sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != folder]
    spec = importlib.util.spec_from_file_location(
        NAME, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None and spec.loader is not None
    sys.modules[NAME] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return NAME


if __name__ == "__main__":
    if "--engine" in sys.argv:  # how Blender starts its engine, see the room of that name
        importlib.import_module(f"{package()}.engine.server").main()
    cli = importlib.import_module(f"{package()}.cli.standalone")
    if "--hosted" in sys.argv:  # how Blender runs its command
        code = cli.hosted(sys.argv[sys.argv.index("--hosted") + 1 :])
    else:
        code = cli.main(sys.argv[1:])
    os._exit(code)  # bpy as a module may wait for ever in its own teardown
