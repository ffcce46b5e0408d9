# SPDX-License-Identifier: GPL-3.0-or-later
# Import script for Godot 4.4 or newer: levels of detail that GENERIO Flows has exported are switched by distance.
# Put it into the project, and choose it as Import Script > Path in the import settings of the GLB files.
@tool
extends EditorScenePostImport


func _post_import(scene: Node) -> Object:
	_set_ranges(scene)
	return scene


func _set_ranges(node: Node) -> void:
	var extras: Variant = node.get_meta("extras", {})
	if node is GeometryInstance3D and extras is Dictionary and extras.has("visibility_range_begin"):
		node.visibility_range_begin = extras["visibility_range_begin"]
		node.visibility_range_end = extras["visibility_range_end"]
	for child in node.get_children():
		_set_ranges(child)
