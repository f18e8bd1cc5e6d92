#include "proto/graphs.h"

static bool
add_graph(struct onnx_graphs *graphs, struct arena *arena, const struct onnx_graph_place *place)
{
	struct onnx_graph_place *added;

	if (!place->proto)
		return true;
	if (place->proto->n_node > UINT32_MAX - 1 - graphs->node_count ||
	    place->proto->n_initializer > UINT32_MAX - 1 - graphs->tensor_count ||
	    !arena_grow(arena, &graphs->items, graphs->count, &graphs->capacity,
			sizeof *graphs->items))
		return false;
	added = &graphs->items[graphs->count++];
	*added = *place;
	added->first_node = graphs->node_count;
	added->first_tensor = graphs->tensor_count;
	graphs->node_count += (uint32_t)place->proto->n_node;
	graphs->tensor_count += (uint32_t)place->proto->n_initializer;
	return true;
}

static bool
add_graphs_inside(struct onnx_graphs *graphs, struct arena *arena, uint32_t parent, uint32_t index)
{
	const struct onnx_graph_place outer = graphs->items[parent];
	const Onnx__NodeProto *node = outer.proto->node[index];
	size_t i, j;

	for (i = 0; i < node->n_attribute; i++) {
		const Onnx__AttributeProto *attribute = node->attribute[i];
		struct onnx_graph_place place = { .parent = parent,
						  .node = outer.first_node + index,
						  .attribute = attribute->name ? attribute->name
									       : "" };

		place.proto = attribute->g;
		if (!add_graph(graphs, arena, &place))
			return false;
		for (j = 0; j < attribute->n_graphs; j++) {
			place.proto = attribute->graphs[j];
			if (!add_graph(graphs, arena, &place))
				return false;
		}
	}
	return true;
}

bool
onnx_graphs_list(struct onnx_graphs *graphs, struct arena *arena, Onnx__GraphProto *main)
{
	size_t graph, i;

	*graphs = (struct onnx_graphs){ 0 };
	if (!add_graph(
		    graphs, arena,
		    &(struct onnx_graph_place){
			    .proto = main, .parent = NO_GRAPH, .node = NO_GRAPH, .attribute = "" }))
		return false;
	for (graph = 0; graph < graphs->count; graph++)
		for (i = 0; i < graphs->items[graph].proto->n_node; i++)
			if (!add_graphs_inside(graphs, arena, (uint32_t)graph, (uint32_t)i))
				return false;
	return true;
}

/* Nodes are visited in the order of their numbers, so that graphs are in the order
 * of the nodes that they are inside of. */
uint32_t
onnx_graphs_inside(const struct onnx_graphs *graphs, uint32_t node)
{
	size_t low = 1, high = graphs->count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (graphs->items[middle].node < node)
			low = middle + 1;
		else
			high = middle;
	}
	return low < graphs->count && graphs->items[low].node == node ? (uint32_t)low : NO_GRAPH;
}
