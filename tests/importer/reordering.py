"""The nodes of a model in another order in which they can be run, as tools that sort them write it."""

import random

import onnx

import removal


def names_read(node):
    """Also by the nodes of bodies inside it."""
    names = {name for name in node.input if name}
    for attribute in node.attribute:
        for graph in [*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs]:
            names.update(output.name for output in graph.output)
            for inner in graph.node:
                names |= names_read(inner)
    return names


def reordered(nodes, dice):
    makers = {name: index for index, node in enumerate(nodes) for name in node.output if name}
    needs = [{makers[name] for name in names_read(node) if makers.get(name, index) != index}
             for index, node in enumerate(nodes)]
    readers = [[] for _ in nodes]
    for index, others in enumerate(needs):
        for other in others:
            readers[other].append(index)
    ready, order = [index for index, others in enumerate(needs) if not others], []
    latest = dice.random() < 0.5  # a chain as far as it goes, or any
    while ready:
        index = ready.pop(-1 if latest else dice.randrange(len(ready)))
        order.append(nodes[index])
        for reader in readers[index]:
            needs[reader].discard(index)
            if not needs[reader]:
                ready.append(reader)
    assert len(order) == len(nodes)
    return order


def reorder(model, seed):
    """In every list of nodes; the model is changed in place."""
    dice = random.Random(seed)
    for nodes in list(removal.bodies(model)):
        order = []
        for node in reordered(list(nodes), dice):
            order.append(onnx.NodeProto())
            order[-1].CopyFrom(node)
        del nodes[:]
        nodes.extend(order)
