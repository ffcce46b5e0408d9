"""The script that a child Blender runs: `child.py export|import|picture SOURCE TARGET`.

Says how it went on one line of its own: GENERIO_ANSWER {"problem": "" or Blender's words}.
"""

import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

import bpy

BARE = "GENERIO bare "
"""What the name of the object begins with that a snapshot is about, see `snapshot.py`."""


def end_with_parent() -> None:
    """Our standard input closes when the parent ends, however it ends."""
    sys.stdin.buffer.read()
    os._exit(1)


def known(operator: Any, **options: Any) -> dict[str, Any]:
    """Those of `options` that this version's operator has."""
    properties = operator.get_rna_type().properties
    return {name: value for name, value in options.items() if name in properties}


def export_glb(source: str, target: str) -> None:
    """Write the bare object in the .blend `source` as GLB: its mesh, materials and textures.

    Whatever else its materials refer to is in the file, too, and not to be sent.
    """
    with bpy.data.libraries.load(source) as (inside, wanted):  # pyright: ignore
        wanted.objects = [name for name in inside.objects if name.startswith(BARE)]
    (item,) = wanted.objects
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


def make_png(source: str, target: str) -> None:
    """Write the picture `source` as PNG."""
    image = bpy.data.images.load(source)
    if not image.size[0]:
        raise RuntimeError("it is no picture that Blender can read.")
    image.file_format = "PNG"
    image.filepath_raw = target
    image.save()


def main() -> None:
    """Do the one task that the arguments name."""
    task, source, target = sys.argv[-3:]
    threading.Thread(target=end_with_parent, daemon=True).start()
    bpy.ops.wm.read_factory_settings(use_empty=True)
    problem = ""
    try:
        {"export": export_glb, "import": import_glb, "picture": make_png}[task](source, target)
    except Exception as error:  # the parent wants a sentence, not an exit code
        problem = " ".join(str(error).split()) or type(error).__name__
    print(f"\nGENERIO_ANSWER {json.dumps({'problem': problem})}", flush=True)  # noqa: T201 - how a child speaks


main()
