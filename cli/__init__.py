# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line: `blender --command generio …`, or `python -m generio_flows …` where there is no Blender.

The command line runs jobs with the same engine and store as the window does, and writes results as files.
A command is a list of *items*, one for each output. An item's token is a digest of service, template,
parameters, input, and output, so the same command finds its own jobs again, on any machine. If two processes
add the same job at once, the store's primary key lets one of them succeed. A job for a mistyped address has
another token; the same item at the right address finds that job by its *item key*, the digest without the
service, which destinations store as `wish`.

The store is beside the outputs, in `.generio`, and not in the user's folder: a batch moves with its folder,
machines share it, and no window resumes what was interrupted. The store names inputs relative to each job's
folder. It has no write-ahead log, because the index of one would be in the memory of a single machine. The
engine of a command runs only the jobs that it is given.

Before a file is replaced, its size and digest are recorded in the store (`outputs`). So the file at an output
is always the recorded one, the one that was recorded before, or somebody else's. A command overwrites only
what a job of the store has written to the same path, or what a power cut has left of that. Whether an output
can be written is checked before its flow is created. A command ends when nothing changes for `--patience`.

A `Batch` works through tasks. A `JobRunner` starts their jobs in an engine, a `Delivery` writes the results,
and an `Inspector` reads their figures and finds those that are not as they should be; they are delivered all
the same. `call.run` does all of this for one item; it is public as `generio_flows.run`.
"""
