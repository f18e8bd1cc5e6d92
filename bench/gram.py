#!/usr/bin/env python3
"""The peer of redundancy elimination: the full Gram matrix of a layer's weights.

usage: gram.py MODEL COSINE

Prints the CPU seconds of one ssyrk over the rows divided by their norms (reading and dividing
are not counted), and how many rows have an earlier one at a larger cosine. The BLAS is the one
in numpy's package, a current OpenBLAS, which chooses its kernel by the processor.
"""

import ctypes
import os
import pathlib
import sys
import time

for setting in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):  # workarounds for old ones, and slow
    os.environ.pop(setting, None)

import numpy as np
import onnx

PIECE_ROWS = 512


def rows_of(path):
    initializers = onnx.load(path).graph.initializer
    rows = onnx.numpy_helper.to_array(next(each for each in initializers if each.name == "net.fc1.weight")).copy()
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows


def gram(rows):
    """The lower triangle of rows times their transpose, and the CPU seconds it took."""
    [library] = pathlib.Path(np.__file__).parents[1].glob("numpy.libs/*openblas*.so*")
    ssyrk = ctypes.CDLL(str(library)).scipy_cblas_ssyrk64_
    integer, real, array = ctypes.c_int64, ctypes.c_float, lambda values: values.ctypes.data_as(ctypes.c_void_p)
    row_major, lower, as_it_is = 101, 122, 111
    count, length = rows.shape
    out = np.ones((count, count), np.float32)  # its pages are there before the clock runs
    begin = time.process_time()
    ssyrk(row_major, lower, as_it_is, integer(count), integer(length), real(1), array(rows), integer(length),
          real(0), array(out), integer(count))
    return out, time.process_time() - begin


def rows_with_a_twin(cosines, bound):
    found = 0
    for first in range(0, len(cosines), PIECE_ROWS):
        piece = np.tril(cosines[first : first + PIECE_ROWS], first - 1)
        found += np.count_nonzero((piece > bound).any(axis=1))
    return found


def main():
    cosines, seconds = gram(rows_of(sys.argv[1]))
    print(seconds, rows_with_a_twin(cosines, float(sys.argv[2])))


if __name__ == "__main__":
    main()
