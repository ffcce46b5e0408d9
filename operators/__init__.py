# SPDX-License-Identifier: GPL-3.0-or-later
"""Thin operators: read the properties, hand over to jobs/ or scene/, report."""

from . import (
    assets,
    compare,
    connection,
    drop,
    generate,
    job_list,
    jobs,
    left_out,
    lods,
    optimize,
    pictures,
    places,
    prompts,
    whole_model,
)

CLASSES = (
    *generate.CLASSES,
    *places.CLASSES,
    *drop.CLASSES,
    *assets.CLASSES,
    *prompts.CLASSES,
    *pictures.CLASSES,
    *optimize.CLASSES,
    *left_out.CLASSES,
    *whole_model.CLASSES,
    *lods.CLASSES,
    *compare.CLASSES,
    *jobs.CLASSES,
    *job_list.CLASSES,
    *connection.CLASSES,
)
