# SPDX-License-Identifier: GPL-3.0-or-later
"""Thin operators: read the properties, hand over to jobs/ or scene/, report."""

from . import (
    assets,
    compare,
    connection,
    drop,
    generate,
    generate_list,
    heavy,
    images,
    job_list,
    jobs,
    lods,
    optimize,
    placeholders,
    presets,
    prompts,
    selection,
    show_result,
    whole_model,
)

CLASSES = (
    *generate.CLASSES,
    *generate_list.CLASSES,
    *placeholders.CLASSES,
    *drop.CLASSES,
    *assets.CLASSES,
    *prompts.CLASSES,
    *images.CLASSES,
    *optimize.CLASSES,
    *selection.CLASSES,
    *whole_model.CLASSES,
    *lods.CLASSES,
    *presets.CLASSES,
    *heavy.CLASSES,
    *compare.CLASSES,
    *jobs.CLASSES,
    *show_result.CLASSES,
    *job_list.CLASSES,
    *connection.CLASSES,
)
