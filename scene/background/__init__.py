# SPDX-License-Identifier: GPL-3.0-or-later
"""What a Blender in the background does for this one, and how that is started.

Conversions run in a child with factory settings, without network and without the key; it ends when the pipe
to its parent closes, however that happens. Where no child can be started, the window converts by itself,
once, at a quiet moment, and the job says so.

A material at which Blender's exporter stumbles does not keep the shape: all slots get empty materials of
the same names in a second try, and a file beside the snapshot (`.plain`) notes it for the report. Pictures
that are too large, or of a type that the service does not take, become a PNG by an *order* (JSON) that
names the picture and the longest side; photos are turned as the camera was held, which a PNG does not tell.
"""
