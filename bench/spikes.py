#!/usr/bin/env python3
"""Writes inputs: of each sample a share has a value, the others are 0.

usage: spikes.py PATH SAMPLES WIDTH SHARE VALUE [STEPS]

With STEPS they are drawn anew in each step, and are bytes: [samples][steps][width].
"""

import sys

import numpy as np

path, samples, width, share, value, *steps = sys.argv[1:]
random = np.random.default_rng(1)
given = random.random((int(samples), *map(int, steps), int(width)), np.float32) < float(share)
np.save(path, given.astype(np.uint8) * np.uint8(value) if steps else given.astype(np.float32) * np.float32(value))
