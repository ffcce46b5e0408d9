"""A local double of the GENERIO Flows service: the whole contract on loopback, with honest stand-in models.

    from tests.sandbox import Sandbox
    with Sandbox(profile="reference", speed=0.05) as service:
        ...  # talk to service.url with the key service.key

or `python -m tests.sandbox --port 8377 --key demo-key` from the checkout's root. What can be ordered to go
wrong is described in `faults.py`, what each profile says in `profiles.py`.
"""

from .server import Sandbox

__all__ = ["Sandbox"]
