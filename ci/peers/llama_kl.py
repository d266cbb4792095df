#!/usr/bin/env python3
"""What quantisation costs a model in llama.cpp: the mean KL divergence of its next-token distributions from those of f32.

    make_model --from MODEL --dtype f32 --format gguf --vocab VOCAB.gguf --output f32.gguf      and so for q4_0, …
    ci/peers/llama_kl.py f32.gguf q4_0.gguf … [--texts tests/golden/quant/stories15M_texts.json]

Natural logarithms, mean over all positions of all texts (ids, each text by itself). tests/engine/quant_quality_test.cc
holds the program to these numbers on the same texts. Run with the python of ci/peers/setup.
"""
import argparse
import json
import os
import pathlib

import llama_cpp
import numpy as np

DEFAULT = pathlib.Path(__file__).resolve().parents[2] / "tests" / "golden" / "quant" / "stories15M_texts.json"


def log_probabilities(path, texts, threads):
    model = llama_cpp.Llama(str(path), n_ctx=256, n_batch=256, n_threads=threads, logits_all=True, verbose=False)
    rows = []
    for ids in texts:
        model.reset()
        model.eval(ids)
        logits = np.array(model.scores[: len(ids)], dtype=np.float64)
        top = logits.max(axis=1, keepdims=True)
        rows.append(logits - top - np.log(np.exp(logits - top).sum(axis=1, keepdims=True)))
    return np.concatenate(rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("exact", help="the model in f32")
    parser.add_argument("files", nargs="+")
    parser.add_argument("--texts", default=DEFAULT)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    args = parser.parse_args()
    texts = json.loads(pathlib.Path(args.texts).read_text())["texts"]
    want = log_probabilities(args.exact, texts, args.threads)
    for path in args.files:
        got = log_probabilities(path, texts, args.threads)
        divergence = (np.exp(want) * (want - got)).sum(axis=1)
        print(f"{os.path.basename(path)}: mean KL {divergence.mean():.6f} over {len(divergence)} positions, llama-cpp-python {llama_cpp.__version__}")


if __name__ == "__main__":
    main()
