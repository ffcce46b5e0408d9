# SPDX-License-Identifier: GPL-3.0-or-later
"""The certificates by which a service proves who it is: a file or folder, looked for as requests does."""

import os
import ssl
from pathlib import Path

import requests

from ..core.messages import Message


def named_by() -> str:
    """The environment variable that names them; "" where those that come with Blender are used."""
    return next((name for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE") if os.environ.get(name)), "")


def trouble() -> tuple[Message, Message] | None:
    """What is wrong with them, and what to do about it; None where they can be used."""
    variable = named_by()
    path = Path(os.environ[variable] if variable else requests.utils.DEFAULT_CA_BUNDLE_PATH)
    try:
        folder = path.is_dir()
        ssl.create_default_context(cafile=None if folder else path, capath=path if folder else None)
    except OSError as error:  # an SSLError where it holds something else
        if not variable:
            return Message("Blender's certificate file is missing or damaged."), Message(
                "Install Blender again."
            )
        if isinstance(error, FileNotFoundError):
            return (
                Message("The certificate file set in {variable} does not exist.", variable=variable),
                Message("Correct the environment variable {variable}.", variable=variable),
            )
        return (
            Message(
                "The certificate file set in {variable} is damaged or cannot be read.", variable=variable
            ),
            Message("Replace that file, or correct the environment variable {variable}.", variable=variable),
        )
    return None
