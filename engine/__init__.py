# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine's process: Python threads are not supported in Blender, and nothing there should wait.

`client` is Blender's side, with the verbs of `jobs.engine.Engine` and a copy of all jobs (`known_jobs`);
`connection` has its calls answered, also where an engine dies meanwhile, and `log_handler` sends it what is
logged. `server` is the process, which has an engine; `protocol` is what they say to each other through a
pipe, and `process` how it is started: by the Python that Blender brings, without what users have installed,
and without the key in its environment. `conversion` has .blend and GLB files converted by `converters`,
background Blenders that stay for a while. `extras` has what else takes long: the doctor's calls, and looking
at files that may be far away.

Each may be killed at any moment. When Blender ends, the pipe closes and the engine ends, or first finishes
what is under way, if the user wants that. When the engine ends, the connection starts another one under
the same name, which has all leases again, and repeats the calls that were not answered. A converter ends when
its standard input closes.
"""
