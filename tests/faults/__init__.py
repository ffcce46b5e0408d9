"""What breaks on a user's way to a model, played against the engine in child processes.

    python -m tests.faults [--only kills victims network gateways fuzz pair soak] [--seed N] [--share 0.1]

Each part is one module with a `run(seed, share, folder)` that returns a `Report`. The service is the
sandbox in a process of its own, or, for `gateways`, a second one that shares no code with it
(`independent.py`). Blender is left out, so that hundreds of crashes take minutes: making files and converting
are copies, and the scene is a small file (`worker.py`). Waits are scaled down (`impatience.py`), which is the
one thing that is not as for a user.
"""

import tests.conftest  # noqa: F401  # maps the package's name, in the children as well
