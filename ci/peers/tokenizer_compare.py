#!/usr/bin/env python3
"""Ids of random texts from `pareto tokenize` against the library that a vocabulary file belongs to.

  pip install tokenizers tiktoken sentencepiece llama-cpp-python
  ci/peers/tokenizer_compare.py FILE [--texts 100] [--seed 0] [--pareto build/release/pareto]

FILE: tokenizer.json (tokenizers), .gguf with a vocabulary (llama.cpp), tokenizer.model (SentencePiece, or Llama-3's file
through tiktoken). Every text goes twice: with special tokens found in it, and as plain text. Exit 1 if any ids differ.
"""
import argparse
import base64
import json
import pathlib
import random
import subprocess
import sys

PIECES = [" ", "  ", "   ", "\n", "\n\n", "\r\n", "\t", "\u00a0", "\u3000", "\u0085", "the", "The", "hello", "World", "a", "I", "'s",
          "'S", "'ll", "'\u017f", "don't", "1", "23", "4567", "3.14", ".", ",", "...", "!?", "\"", "(", ")", "<", ">", "é", "e\u0301",
          "naïve", "При", "你好", "あ", "한국어", "\u1112\u1161\u11ab", "😀", "👨\u200d👩", "สว", "م ر", "កា", "²", "½", "Ⅷ", "€", "$",
          "_", "#", "//", "αβ", "ﬁ", "\u0001", "\u2028", "\u200b", "=", "==", "x1", "A1b2", "supercalifragilistic", "<|im_start|>",
          "<|endoftext|>", "</s>", "<s>", "<unk>", "<|eot_id|>", "\u2581", "\u2581x", "İ", "ǅ", "a\u0338", "\u212b", "x" * 50]
BLOCKS = [0x20, 0x7F, 0xA0, 0x370, 0x500, 0x590, 0x700, 0x900, 0xE00, 0x1100, 0x1E00, 0x2000, 0x2100, 0x2200, 0x3000, 0x4E00, 0xAC00,
          0x1F600, 0x10400, 0x20000]


def random_text(rng):
    def piece():
        r = rng.random()
        return " " if r < 0.3 else rng.choice(PIECES) if r < 0.9 else chr(rng.choice(BLOCKS) + rng.randrange(96))
    return "".join(piece() for _ in range(rng.randint(1, 40)))


def reference(path):
    """A function (text, parse_special) -> ids."""
    if path.suffix == ".json":
        from tokenizers import Tokenizer
        t = Tokenizer.from_file(str(path))

        def ids(text, special):
            t.encode_special_tokens = not special
            return t.encode(text, add_special_tokens=False).ids
        return ids
    if path.suffix == ".gguf":
        from llama_cpp import Llama
        model = Llama(str(path), vocab_only=True, verbose=False)
        return lambda text, special: model.tokenize(text.encode(), add_bos=False, special=special)
    first = path.read_bytes().split(b"\n", 1)[0]
    if first.startswith(b"\n") or b" " not in first or not first.split(b" ")[-1].isdigit():
        import sentencepiece
        model = sentencepiece.SentencePieceProcessor(model_file=str(path))
        return lambda text, special: None if special else model.encode(text)
    import tiktoken
    ranks = {base64.b64decode(a): int(b) for a, b in (line.split() for line in path.read_text().splitlines())}
    names = ["<|begin_of_text|>", "<|end_of_text|>", "<|reserved_special_token_0|>", "<|reserved_special_token_1|>",
             "<|finetune_right_pad_id|>", "<|step_id|>", "<|start_header_id|>", "<|end_header_id|>", "<|eom_id|>", "<|eot_id|>",
             "<|python_tag|>"]
    names += [f"<|reserved_special_token_{2 + i}|>" for i in range(256 - len(names))]
    split = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|"
             r"\s+(?!\S)|\s+")
    t = tiktoken.Encoding("llama3", pat_str=split, mergeable_ranks=ranks,
                          special_tokens={n: len(ranks) + i for i, n in enumerate(names)})
    return lambda text, special: t.encode(text, allowed_special="all") if special else t.encode_ordinary(text)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("file", type=pathlib.Path)
    p.add_argument("--texts", type=int, default=100)
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--pareto", default="build/release/pareto")
    args = p.parse_args()
    ids, rng = reference(args.file), random.Random(args.seed)
    compared = wrong = 0
    for _ in range(args.texts):
        text = random_text(rng)
        for special in (False, True):
            want = ids(text, special)
            if want is None:
                continue
            command = [args.pareto, "tokenize", "--tokenizer", str(args.file), "--json"] + ["--parse_special"] * special
            got = json.loads(subprocess.run(command, input=text.encode(), capture_output=True, check=True).stdout)["ids"]
            compared += 1
            if got != want:
                wrong += 1
                print(f"{text!r} special={special}\n  want {want}\n  got  {got}")
    print(f"{args.file.name}: {compared} texts, {wrong} differ")
    sys.exit(wrong > 0)


main()
