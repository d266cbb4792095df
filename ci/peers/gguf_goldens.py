#!/usr/bin/env python3
"""Goldens of GGUF dequantisation: sha256 of the floats that PyPI's gguf makes of reproducible block bytes.

usage: gguf_goldens.py > tests/golden/gguf/dequantise.json      (needs: pip install gguf numpy)

For each type 4096 blocks: bytes of the splitmix64 stream whose seed is the type's number in the file format, little-endian,
with bit 14 of every half-precision scale (and of the top half of plain values) cleared, which makes it finite.
tests/kernels/blocks_test.cc makes the same bytes and compares what dequantise() returns, bit for bit."""
import hashlib, importlib.metadata, json
import numpy as np
from gguf import GGMLQuantizationType, dequantize

BLOCKS = 4096
# name: (bytes of a block, offsets of the 16-bit fields that must be finite)
TYPES = {"F32": (4, [2]), "F16": (2, [0]), "BF16": (2, [0]), "Q8_0": (34, [0]), "Q4_0": (18, [0]), "Q4_1": (20, [0, 2]),
         "Q4_K": (144, [0, 2]), "Q5_K": (176, [0, 2]), "Q6_K": (210, [208])}


def splitmix64(seed, n):
    """n values; the i-th is the mix of seed + (i + 1) * the golden ratio."""
    z = np.uint64(seed) + (np.arange(1, n + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15))
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def block_bytes(name, kind):
    size, finite = TYPES[name]
    raw = splitmix64(int(kind), (BLOCKS * size + 7) // 8).view(np.uint8)[:BLOCKS * size].reshape(BLOCKS, size).copy()
    for offset in finite:
        raw[:, offset + 1] &= 0xBF
    return raw


hashes = {}
with np.errstate(over="ignore"):
    for name in TYPES:
        kind = GGMLQuantizationType[name]
        raw = block_bytes(name, kind)
        floats = raw.view(np.float32) if name == "F32" else dequantize(raw, kind)
        hashes[name] = hashlib.sha256(np.ascontiguousarray(floats, dtype="<f4").tobytes()).hexdigest()
print(json.dumps({"made_by": "ci/peers/gguf_goldens.py", "gguf": importlib.metadata.version("gguf"),
                  "numpy": np.__version__, "blocks": BLOCKS, "sha256": hashes}, indent=2))
