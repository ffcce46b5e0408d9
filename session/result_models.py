# SPDX-License-Identifier: GPL-3.0-or-later
"""The results of a job as models to place."""

from __future__ import annotations

import json

from ..jobs import Job
from ..scene.meshes import PREFIX
from ..scene.place.loading import Model

LONGEST_PROPERTY = 63 - len(PREFIX)
"""Bytes of a parameter's name in the name of a custom property."""


def models_of(job: Job) -> list[Model]:
    """Return the models of a finished job, with the provenance that their objects will carry."""
    several = len(job.placement.results) > 1
    ours = {"flow_id": job.run.flow_id, "template": job.request.template, "token": job.token}
    parameters = {
        name.encode()[:LONGEST_PROPERTY].decode(errors="ignore"): value
        if isinstance(value, str | int | float)
        else json.dumps(value)
        for name, value in job.request.parameters.items()
    }
    provenance = {**parameters, **ours}  # The job's own names win over the service's parameters.
    if job.request.prompt:
        provenance["prompt"] = job.request.prompt
    return [
        Model(
            glb=result.glb,
            blend=result.blend,
            name=f"{job.request.name} {number}" if several else job.request.name,
            provenance={**provenance, "result": number},
        )
        for number, result in enumerate(job.placement.results, start=1)
    ]
