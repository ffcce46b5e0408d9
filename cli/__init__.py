# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line: `blender --command generio …`, or `python -m generio_flows …` where there is no Blender.

It carries jobs with the same engine and store as the window does, and hands results over as files. A
command is a list of *items*, one for each output. An item's token is a digest of service, template,
parameters, input and output, so the same wish finds its own job again, on any machine; the store's primary
key arbitrates between two that come at once. What was asked of a mistyped address has a token of that; the
same item at the right address finds it by its *wish*, the digest without the service.

The store lies beside the outputs, in `.generio`, and not in the user's folder: a batch moves with its
folder, machines share it, and no window goes on with what was interrupted. It names inputs as seen from
each job's folder, and is used without a write-ahead log, whose index would live in one machine's memory. An
engine here takes over only what it is asked for.

What becomes of a result is noted in the store, with size and digest, before the file is exchanged
(`outputs`), so that at every moment the file at an output is either the one that is noted, or the one that
was noted before, or not ours. Only what a job of the store has written to the same place, or what a power
cut leaves of it, is written over. Whether an output can be written is tried before its flow is created. A
command ends when there was no news for `--patience`.

A `Batch` works through tasks: a `Carrier` has their jobs carried by an engine, a `Delivery` takes results to
where they belong, and an `Inspector` reads their figures and says which are not as they should be; it is
never a reason for a result not to be there. `call.run` is all of it for one item, as `generio_flows.run`.
"""
