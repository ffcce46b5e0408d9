# Prints what Godot has made of a file: each node with its class, and what makes it appear and collide.
extends SceneTree


func _init():
	_show(load("res://rock_godot.glb").instantiate())
	quit()


func _show(node):
	var told = {"name": node.name, "class": node.get_class()}
	if node is MeshInstance3D:
		told["triangles"] = node.mesh.get_faces().size() / 3
		told["range"] = [node.visibility_range_begin, node.visibility_range_end]
	if node is CollisionShape3D:
		told["shape"] = node.shape.get_class()
	print("NODE ", JSON.stringify(told))
	for child in node.get_children():
		_show(child)
