#!/usr/bin/env python3
"""Writes a network of which all layers but one are pruned already: the next pruning changes that one.

usage: pruned.py MODEL OUT THRESHOLD LAYER
"""

import sys

import numpy as np
import onnx
from onnx import numpy_helper

path, out, threshold, layer = sys.argv[1:]
model = onnx.load(path)
matrices = [each for each in model.graph.initializer if len(each.dims) > 1]
for number, matrix in enumerate(matrices, 1):
    if number == int(layer):
        continue
    values = numpy_helper.to_array(matrix)
    matrix.CopyFrom(numpy_helper.from_array(np.where(np.abs(values) <= float(threshold), 0, values), matrix.name))
onnx.save(model, out)
