# SPDX-License-Identifier: GPL-3.0-or-later
"""What the user or a script chooses becomes jobs, for operators and for `flows` alike.

Each function takes the session, the context and a `Choice`, and returns jobs of which nothing has been sent;
`submit` hands them to the engine. An obstacle is raised as a FlowsError, with its message, fix and remedy;
operators report it, and `flows` raises it. Warnings and remarks go to the `Requester`.
"""

from .again import make_again
from .bake import bake
from .choice import Choice
from .export import export_in_parts
from .followups import Followups
from .generate import generate_from_image, generate_from_prompt, new_model_settings
from .lod_counts import LodCounts, by_counts, by_percents
from .meshes import LodShow, make_lods, optimize, optimize_in_parts
from .requester import Level, Requester
from .submission import ask_to_submit, submit, submitted_jobs
from .template import TemplateInput, form_for, run_template

__all__ = [
    "Choice",
    "Followups",
    "Level",
    "LodCounts",
    "LodShow",
    "Requester",
    "TemplateInput",
    "ask_to_submit",
    "bake",
    "by_counts",
    "by_percents",
    "export_in_parts",
    "form_for",
    "generate_from_image",
    "generate_from_prompt",
    "make_again",
    "make_lods",
    "new_model_settings",
    "optimize",
    "optimize_in_parts",
    "run_template",
    "submit",
    "submitted_jobs",
]
