#!/usr/bin/env python3
"""Writes inputs: of each sample a share has a value, the others are 0.

usage: spikes.py PATH SAMPLES WIDTH SHARE VALUE
"""

import sys

import numpy as np

path, samples, width, share, value = sys.argv[1:]
random = np.random.default_rng(1)
given = random.random((int(samples), int(width))) < float(share)
np.save(path, given.astype(np.float32) * np.float32(value))
