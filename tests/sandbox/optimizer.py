"""Decimates GLB files with Blender, in a child process that stays warm between jobs.

Parent: `Optimizer().optimize(glb, polygon_count)`. Child: `python -m tests.sandbox.optimizer`, which reads
one JSON line per job from stdin, {"source", "target", "polygon_count"}, and answers each with one line,
{"before", "after"} in triangles or {"error"}. The child ends when its stdin does, so it cannot outlive its
parent.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from math import radians
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    import bpy

_ROOT = Path(__file__).resolve().parents[2]
_FEWEST = 4  # triangles that every mesh keeps: a solid needs no fewer, and nothing shall vanish
_SHARP = radians(50)  # edges that are sharper keep their crease; a coarse mesh has no better memory of it


class OptimizeError(Exception):
    """The model could not be optimised; the text is the reason to give to the flow's owner."""


class Optimizer:
    """One warm Blender that works on one model at a time. Safe to call from several threads."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._worker: subprocess.Popen[str] | None = None
        self._closed = False

    @property
    def pid(self) -> int | None:
        """The process id of the child, once there is one."""
        return self._worker.pid if self._worker else None

    def optimize(self, data: bytes, polygon_count: int) -> bytes:
        """Return a GLB with at most `polygon_count` triangles, or `data` itself when it has no more.

        A target too small for the model gives the least that it can be reduced to. OptimizeError when
        Blender cannot read it.
        """
        with self._turn, tempfile.TemporaryDirectory(prefix="sandbox-") as folder:
            source, target = Path(folder, "source.glb"), Path(folder, "target.glb")
            source.write_bytes(data)
            answer = self._ask({"source": str(source), "target": str(target), "polygon_count": polygon_count})
            if "error" in answer:
                raise OptimizeError(answer["error"])
            return target.read_bytes() if target.exists() else data

    def close(self) -> None:
        """End the child at once, also in the middle of a job."""
        self._closed = True
        if worker := self._worker:
            worker.kill()
        with self._turn:  # whoever waits for the child's answer learns of its end first
            self._discard()

    def _ask(self, order: dict[str, Any]) -> dict[str, Any]:
        for _ in range(2):  # a child that died is replaced, and the model that killed it gets one more chance
            if self._closed:
                break
            worker = self._worker = self._worker or _spawn()
            assert worker.stdin is not None and worker.stdout is not None
            with contextlib.suppress(OSError):
                worker.stdin.write(json.dumps(order) + "\n")
                worker.stdin.flush()
                if answer := worker.stdout.readline():
                    return json.loads(answer)
            self._discard()
        raise OptimizeError("the optimiser died while it worked on this model")

    def _discard(self) -> None:
        if worker := self._worker:
            self._worker = None
            worker.kill()
            with contextlib.suppress(OSError):  # a dead reader refuses what was still to be written
                worker.communicate()


def _spawn() -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", __name__],
        cwd=_ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


# From here on: the child.


def _serve() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which then closes our stdin
    answers = _claim_stdout()
    try:
        import bpy  # noqa: F401
    except ImportError as error:
        problem = f"the sandbox needs the bpy module to optimise: {error}"
    else:
        problem = None
    for line in sys.stdin:
        order = json.loads(line)
        try:
            answer = {"error": problem} if problem else _optimize(**order)
        except Exception as error:  # whatever a broken model makes Blender raise is that model's reason
            answer = {"error": " ".join(str(error).split()) or type(error).__name__}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def _claim_stdout() -> IO[str]:
    """Keep stdout to ourselves: Blender's C code prints to descriptor 1 as it pleases."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), 1)
    return answers


def _optimize(source: str, target: str, polygon_count: int) -> dict[str, Any]:
    import bpy

    bpy.ops.wm.read_factory_settings(use_empty=True)
    _call(bpy.ops.import_scene.gltf, filepath=source, import_shading="SMOOTH", disable_bone_shape=True)
    meshes = (thing.data for thing in bpy.data.objects if isinstance(thing.data, bpy.types.Mesh))
    shown = Counter(mesh for mesh in meshes if mesh.polygons)
    before = _total(shown)
    if before <= polygon_count:
        return {"before": before, "after": before}
    after = _reduce(shown, before, polygon_count)
    _call(
        bpy.ops.export_scene.gltf,
        filepath=target,
        export_format="GLB",
        export_cameras=True,
        export_lights=True,
        export_extras=True,
    )
    return {"before": before, "after": after}


def _call(operator: Any, **options: Any) -> None:
    """Call a glTF operator with those of `options` that this version of Blender has."""
    known = operator.get_rna_type().properties.keys()
    operator(**{name: value for name, value in options.items() if name in known})


def _triangles(mesh: "bpy.types.Mesh") -> int:
    mesh.calc_loop_triangles()
    return len(mesh.loop_triangles)


def _total(shown: "Counter[bpy.types.Mesh]") -> int:
    """Count the triangles on screen: a mesh counts once for each object that shows it."""
    return sum(_triangles(mesh) * times for mesh, times in shown.items())


def _reduce(shown: "Counter[bpy.types.Mesh]", before: int, polygon_count: int) -> int:
    """Bring the total down to `polygon_count` or just below; the triangles that are left.

    Each mesh is decimated once, however many objects show it. Meshes that cannot shrink further (a box stays
    a box) leave more to do for the others, hence the rounds; when none can, what is left is the answer.
    """
    for mesh in shown:
        _weld(mesh)
    total = _total(shown)
    for _ in range(4):
        if total <= polygon_count:
            break
        ratio = polygon_count / total
        shown = Counter({_decimated(mesh, ratio): times for mesh, times in shown.items()})
        total = _total(shown)
    for mesh in shown:
        mesh.set_sharp_from_angle(angle=_SHARP)
    return total


def _weld(mesh: "bpy.types.Mesh") -> None:
    """Join vertices in one place: glTF splits them at creases and UV seams, where decimation would tear.

    Single precision puts the two sides of a seam a millionth of the mesh's size apart.
    """
    import bmesh
    import numpy as np

    points = np.empty(len(mesh.vertices) * 3, dtype=np.float32)
    mesh.vertices.foreach_get("co", points)
    largest = float(np.abs(points).max(initial=0.0))
    work = bmesh.new()
    work.from_mesh(mesh)
    bmesh.ops.remove_doubles(work, verts=work.verts[:], dist=2e-6 * largest)
    work.to_mesh(mesh)
    work.free()


def _decimated(mesh: "bpy.types.Mesh", ratio: float) -> "bpy.types.Mesh":
    """Replace `mesh` in all its objects by a copy with `ratio` of its faces; UVs and materials stay."""
    import bpy

    helper = bpy.data.objects.new("helper", mesh)
    bpy.data.scenes[0].collection.objects.link(helper)
    modifier = helper.modifiers.new("Decimate", "DECIMATE")
    assert isinstance(modifier, bpy.types.DecimateModifier)
    modifier.ratio = max(ratio, _FEWEST / len(mesh.polygons))
    modifier.use_collapse_triangulate = True
    evaluated = helper.evaluated_get(bpy.context.evaluated_depsgraph_get())
    reduced = bpy.data.meshes.new_from_object(evaluated)
    bpy.data.objects.remove(helper)
    name = mesh.name
    mesh.user_remap(reduced)
    bpy.data.meshes.remove(mesh)
    reduced.name = name
    return reduced


if __name__ == "__main__":
    _serve()
