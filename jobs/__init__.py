# SPDX-License-Identifier: GPL-3.0-or-later
"""The life of a job, from the request to the finished file. Knows no bpy and nothing of scenes.

`model` has the job, with its parts (`job_parts`), `step`, and `problem`; `states` has what users see of it,
`steps` what each step does and what an error means, and `store` the SQLite file (with `store_file`,
`store_schema`, and `store_rows`). `engine.Engine` puts the parts together. It has threads, so it runs in a
process of its own (see the room `engine`); Blender may load only what this module exports:

* `registry` has all jobs and this process's leases, and is the only one that changes a job.
* `scheduler` knows what is due, hands it on, and looks at what other processes do with the store: it renews
  our leases and takes over what dead processes left.
* `worker` takes one job as far as it goes: one poller asks about all running flows, when flows of their
  kind usually end (`polling`), and as many workers as jobs at once are allowed make files, upload, start
  and download.
* `writer` writes what the main thread reported, which must not wait for a disk.
* `previews`, `recovery`, `cleanup` and `input_copy` draw results, find jobs that no store knows any more,
  keep the results folder within its limit, and keep the chosen picture as it was when it was chosen.

What costs or deletes something at the service comes after a save that only the owner of the lease can make.
`limits` says how long all of them wait for what; tests hurry by changing it.

A gateway, a replica that lags behind, or a service that is still busy says things that are not so, for a
moment or for minutes. `doubt` counts what was heard in a row, and since when; `steps.failure` says what has
to stay for how long before it is believed. That a flow is gone is believed only after five minutes of the
service's own word, from more than one endpoint. An answer that names another flow is no answer.

A job whose template is in LOCAL has no flow and makes no call: all of it is one conversion, which is made
again where it was interrupted. Baked maps (`steps.bake`) are to be placed; exported files (`steps.export`)
are where they belong when the job is over.

"Then Optimize" is a second job (`chain`) whose token derives from the first one's. When the first one's
result is on disk it is linked into the folder of the second, that is submitted, and the first one is over.
A crash at any of these points repeats the rest only: the store takes a token once.
"""

from .chain import (
    follows_in_file,
    followup_failed,
    followup_jobs,
    followup_tokens,
    has_followup,
    is_optimized,
    with_followup,
)
from .errors import NoConverter, Offline
from .job_folder import JobFolder
from .job_parts import BAKE, EXPORT, LOCAL, Delivered, Placement, Request, Result, Run, Status
from .model import Job
from .problem import Problem
from .settings import Settings
from .states import STATES, State
from .step import Step
from .store_errors import AlreadyThere, LedgerBusy, LedgerError

__all__ = [
    "BAKE",
    "EXPORT",
    "LOCAL",
    "STATES",
    "AlreadyThere",
    "Delivered",
    "Job",
    "JobFolder",
    "LedgerBusy",
    "LedgerError",
    "NoConverter",
    "Offline",
    "Placement",
    "Problem",
    "Request",
    "Result",
    "Run",
    "Settings",
    "State",
    "Status",
    "Step",
    "follows_in_file",
    "followup_failed",
    "followup_jobs",
    "followup_tokens",
    "has_followup",
    "is_optimized",
    "with_followup",
]
