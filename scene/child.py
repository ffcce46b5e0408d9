"""The script that a child Blender runs: `child.py export|import SOURCE TARGET`.

Says how it went on one line of its own: GENERIO_ANSWER {"problem": "" or Blender's words}.
"""

import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

import bpy


def end_with_parent() -> None:
    """Our standard input closes when the parent ends, however it ends."""
    sys.stdin.buffer.read()
    os._exit(1)


def known(operator: Any, **options: Any) -> dict[str, Any]:
    """Those of `options` that this version's operator has."""
    properties = operator.get_rna_type().properties
    return {name: value for name, value in options.items() if name in properties}


def export_glb(source: str, target: str) -> None:
    """Write the one object in the .blend `source` as GLB: its mesh, materials and textures, nothing else."""
    with bpy.data.libraries.load(source) as (inside, wanted):  # pyright: ignore
        wanted.objects = inside.objects
    for item in wanted.objects:
        if item.data.shape_keys is not None:
            item.shape_key_clear()
        bpy.context.collection.objects.link(item)
    options = known(
        bpy.ops.export_scene.gltf,
        export_format="GLB",
        export_animations=False,
        export_skins=False,
        export_morph=False,
        export_cameras=False,
        export_lights=False,
        export_extras=False,
        export_apply=False,
    )
    # The exporter appends .glb to any other name.
    glb = str(Path(target).with_suffix(".glb.glb"))
    bpy.ops.export_scene.gltf(filepath=glb, **options)
    Path(glb).replace(target)


def import_glb(source: str, target: str) -> None:
    """Write everything that `source` holds as a .blend, images packed."""
    options = known(
        bpy.ops.import_scene.gltf,
        import_pack_images=True,
        disable_bone_shape=True,
        import_scene_as_collection=False,
    )
    bpy.ops.import_scene.gltf(filepath=source, **options)
    objects = set(bpy.context.scene.objects)
    if not objects:
        raise RuntimeError("the model is empty.")
    bpy.data.libraries.write(target, objects)


def main() -> None:
    """Do the one task that the arguments name."""
    task, source, target = sys.argv[-3:]
    threading.Thread(target=end_with_parent, daemon=True).start()
    bpy.ops.wm.read_factory_settings(use_empty=True)
    problem = ""
    try:
        {"export": export_glb, "import": import_glb}[task](source, target)
    except RuntimeError as error:
        problem = " ".join(str(error).split()) or "no reason was given."
    print(f"\nGENERIO_ANSWER {json.dumps({'problem': problem})}", flush=True)  # noqa: T201 - how a child speaks


main()
