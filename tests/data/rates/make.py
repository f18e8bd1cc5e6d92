#!/usr/bin/env python3
"""Writes the arrays of this folder again (numpy needed; the bytes do not depend on the machine)."""
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent


def by_type():
    """One [2, 3] array a type. Element i is 3 - i if the type has a sign, i if not."""
    arrays = {}
    for kind, sizes in (("f", (2, 4, 8)), ("i", (1, 2, 4, 8)), ("u", (1, 2, 4, 8))):
        for size in sizes:
            for order in "<>":
                values = np.arange(6) if kind == "u" else 3 - np.arange(6)
                name = f"{order}{kind}{size}"
                arrays[f"{'little' if order == '<' else 'big'}_{kind}{size}"] = (
                    values.reshape(2, 3).astype(name))
    arrays["b1"] = np.arange(6).reshape(2, 3) % 2 == 1
    arrays["fortran"] = np.asfortranarray(np.arange(6, dtype="<f4").reshape(2, 3))
    arrays["scalar"] = np.float32(7)
    arrays["empty"] = np.zeros((0, 3), np.float32)
    return arrays


def raster(units, samples=5, steps=4):
    """Spikes [T, N, units]: unit u fires in the first u of the samples * steps slots."""
    slots = np.arange(samples * steps).reshape(steps, samples, 1)
    return (slots < np.arange(units)).astype(np.uint8)


def zip64(path, name, payload):
    """A zip whose every size and offset stands in a zip64 field, as one over 4 GiB has it."""
    crc, size, all_ones = zlib.crc32(payload), len(payload), 0xFFFFFFFF
    encoded = name.encode()
    sizes = struct.pack("<HHQQ", 1, 16, size, size)
    local = struct.pack("<IHHHHHIIIHH", 0x04034B50, 45, 0, 0, 0, 0x21, crc, all_ones, all_ones,
                        len(encoded), len(sizes)) + encoded + sizes + payload
    extra = struct.pack("<HHQQQ", 1, 24, size, size, 0)
    central = struct.pack("<IHHHHHHIIIHHHHHII", 0x02014B50, 45, 45, 0, 0, 0, 0x21, crc, all_ones,
                          all_ones, len(encoded), len(extra), 0, 0, 0, 0, all_ones)
    central += encoded + extra
    end64 = struct.pack("<IQHHIIQQQQ", 0x06064B50, 44, 45, 45, 0, 0, 1, 1, len(central), len(local))
    locator = struct.pack("<IIQI", 0x07064B50, 0, len(local) + len(central), 1)
    end = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 0xFFFF, 0xFFFF, all_ones, all_ones, 0)
    path.write_bytes(local + central + end64 + locator + end)


def main():
    arrays = by_type()
    np.savez(HERE / "types_stored.npz", **arrays)
    np.savez_compressed(HERE / "types_deflated.npz", **arrays)
    np.save(HERE / "s1.npy", np.arange(8, dtype=np.float32) / 8)
    rasters = {"s0": raster(12), "s1": raster(8), "s2": raster(4)}
    np.savez_compressed(HERE / "raster_tnu.npz", **rasters)
    np.savez_compressed(HERE / "raster_ntu.npz",
                        **{k: np.asfortranarray(v.swapaxes(0, 1)) for k, v in rasters.items()})
    np.savez_compressed(HERE / "counts_nu.npz",
                        **{k: v.sum(0, dtype=np.int32) for k, v in rasters.items()})
    np.savez_compressed(HERE / "counts_u.npz",
                        **{k: v.sum((0, 1), dtype=np.int64) for k, v in rasters.items()})
    np.savez(HERE / "remarks.npz", s0=np.full(12, 0.5), s0__p99=np.float64(0.9), __version=np.int32(1),
             s1=np.full(8, 0.25), s1__active=np.ones(8))
    member = zipfile.ZipFile(HERE / "types_stored.npz").read("little_f4.npy")
    zip64(HERE / "zip64.npz", "little_f4.npy", member)
    assert (np.load(HERE / "zip64.npz")["little_f4"] == arrays["little_f4"]).all()


main()
