#!/usr/bin/env python3
"""Ids of small tokenizers of our own, as Hugging Face's `tokenizers` computes them: tests/golden/tokenizers.

  python3 -m venv V && V/bin/pip install tokenizers==0.23.3 && V/bin/python ci/peers/tokenizer_goldens.py

Writes base_bytes.json and base_marks.json (a byte-level and a Llama-style model, trained on the text below) and cases.json:
  [{"name", "base", "patch": sections laid over the base, "texts": […], "ids": [[…], …], "plain": [[…], …]}, …]
`ids` with special tokens found in the text, `plain` with them as ordinary text; no BOS or EOS.
"""
import json
import pathlib
import random

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from tokenizers import Regex

OUT = pathlib.Path(__file__).resolve().parents[2] / "tests" / "golden" / "tokenizers"
TRAINING = [
    "The quick brown fox jumps over the lazy dog. The dog doesn't mind; it's asleep, and it'll sleep until 12:30.",
    "A tokenizer cuts text into pieces: words, spaces, numbers like 3.14 or 1234567, and marks such as (these).",
    "def area(width, height):\n    return width * height\n\n\nprint(area(3, 14))\n",
    "Über den Wolken, déjà vu, naïve façade, señor, smörgåsbord. Привет, мир! Ελληνικά. 你好，世界。 日本語のテキスト",
]
PIECES = [" ", "  ", "    ", "\n", "\n\n", "\r\n", "\t", "\u00a0", "\u3000", "the", "The", "dog", "DOG", "it's", "IT'S", "'ll",
          "'\u017f", "don't", "1", "23", "4567", "3.14", ".", ",", "...", "!?", "(", ")", "é", "e\u0301", "naïve", "мир",
          "你好", "の", "한국", "\u1112\u1161\u11ab", "😀", "👩\u200d💻", "²", "½", "€", "_", "#", "//", "<s>", "</s>", "<mask>",
          "<s", "s>", "fox", "foxes", "\u2581", "\u2581x", "İ", "ǅ", "ﬁ", "\u212b", "a\u0338", "\x01", "\u2028", "quick brown"]


def texts(seed, count=24):
    rng = random.Random(seed)
    out = ["", " ", "Hello world", " leading", "trailing ", "a  b   c    d", "x\n\n  y"]
    for _ in range(count):
        out.append("".join(rng.choice(PIECES) if rng.random() < 0.75 else " " for _ in range(rng.randint(1, 16))))
    return out


def base_bytes():
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    t.decoder = decoders.ByteLevel()
    t.train_from_iterator(TRAINING, trainers.BpeTrainer(vocab_size=420, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
                                                        show_progress=False))
    return t


def base_marks():
    t = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    t.pre_tokenizer = pre_tokenizers.Metaspace()
    byte_tokens = [f"<0x{b:02X}>" for b in range(256)]
    t.train_from_iterator(TRAINING[:3], trainers.BpeTrainer(vocab_size=480, special_tokens=["<unk>", "<s>", "</s>"] + byte_tokens,
                                                            show_progress=False))
    t.pre_tokenizer = None
    plain = json.loads(t.to_str())
    plain["added_tokens"] = []
    return Tokenizer.from_str(json.dumps(plain))


def special(text, **flags):
    return AddedToken(text, **{"normalized": False, "special": True, **flags})


def bytes_variants():
    split = pre_tokenizers.Split
    level = lambda **k: pre_tokenizers.ByteLevel(**{"add_prefix_space": False, **k})
    cased = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
             r"\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
    llama3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|"
              r"\s+(?!\S)|\s+")
    yield "gpt2", dict(pre=level(), added=[special("<s>"), special("</s>")])
    yield "prefix_space", dict(pre=level(add_prefix_space=True), norm=normalizers.NFC())
    yield "llama3", dict(pre=pre_tokenizers.Sequence([split(Regex(llama3), "isolated"), level(use_regex=False)]),
                         ignore_merges=True, post=processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 420)]),
                         added=[special("<s>"), special("</s>")])
    yield "cased", dict(pre=pre_tokenizers.Sequence([split(Regex(cased), "isolated"), level(use_regex=False)]))
    yield "falcon", dict(pre=pre_tokenizers.Sequence([pre_tokenizers.Punctuation("contiguous"), level(), pre_tokenizers.Digits(False),
                                                      split(Regex("[0-9][0-9][0-9]"), "isolated")]))
    yield "digits", dict(pre=pre_tokenizers.Sequence([pre_tokenizers.Digits(True), level()]), norm=normalizers.NFKC())
    for behaviour in ("removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous"):
        for invert in (False, True):
            yield f"split_{behaviour}_{invert}", dict(
                pre=pre_tokenizers.Sequence([split(Regex(r"[\d ]|\w\W"), behaviour, invert), level(use_regex=False)]))
    yield "whitespace", dict(pre=pre_tokenizers.Sequence([pre_tokenizers.Whitespace(), level(use_regex=False)]))
    yield "whitespace_split", dict(pre=pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), level(use_regex=False)]))
    yield "lower_strip", dict(pre=level(), norm=normalizers.Sequence([normalizers.Strip(), normalizers.Lowercase(), normalizers.NFD(),
                                                                      normalizers.StripAccents()]))
    yield "replace", dict(pre=level(), norm=normalizers.Sequence([normalizers.Replace(Regex(" {2,}"), "_"),
                                                                  normalizers.Replace("é", "E"), normalizers.Strip(True, False)]))
    yield "added", dict(pre=level(), norm=normalizers.Lowercase(),
                        added=[special("<mask>", lstrip=True), special("</s>", rstrip=True), special("<s>"),
                               AddedToken("fox", single_word=True, normalized=False), AddedToken("DOG", normalized=True),
                               AddedToken("    ", normalized=True)])


def marks_variants():
    space = normalizers.Replace(" ", "\u2581")
    ends = [special("<unk>"), special("<s>"), special("</s>")]
    decoder = decoders.Sequence([decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    yield "llama", dict(norm=normalizers.Sequence([normalizers.Prepend("\u2581"), space]), added=ends, decoder=decoder)
    yield "llama_normalized_specials", dict(norm=normalizers.Sequence([normalizers.Prepend("\u2581"), space]), decoder=decoder,
                                            added=[special("<s>", normalized=True), special("</s>", normalized=True)])
    for scheme in ("always", "first", "never"):
        for cut in (True, False):
            yield f"metaspace_{scheme}_{cut}", dict(pre=pre_tokenizers.Metaspace(prepend_scheme=scheme, split=cut), added=ends,
                                                    decoder=decoders.Metaspace(prepend_scheme=scheme, split=cut))
    yield "unk_fused", dict(norm=space, byte_fallback=False, decoder=decoder)
    yield "unk_single", dict(norm=space, byte_fallback=False, fuse_unk=False, decoder=decoder)
    yield "dropped", dict(norm=space, byte_fallback=False, unk_token=None, decoder=decoder)


def variant(base, name, seed, norm=None, pre=None, post=None, decoder=None, added=(), **model):
    t = Tokenizer.from_str(base)
    for section, value in (("normalizer", norm), ("pre_tokenizer", pre), ("post_processor", post), ("decoder", decoder)):
        if value is not None or section in ("normalizer", "pre_tokenizer"):
            setattr(t, section, value)
    for token in added:
        (t.add_special_tokens if token.special else t.add_tokens)([token])
    full = json.loads(t.to_str())
    full["model"].update(model)
    t = Tokenizer.from_str(json.dumps(full))
    old = json.loads(base)
    patch = {k: full[k] for k in ("normalizer", "pre_tokenizer", "post_processor", "decoder", "added_tokens") if full[k] != old[k]}
    if model:
        patch["model"] = model
    out = {"name": name, "patch": patch, "texts": texts(seed)}
    for key, plain in (("ids", False), ("plain", True)):
        t.encode_special_tokens = plain
        out[key] = [t.encode(x, add_special_tokens=False).ids for x in out["texts"]]
    return out


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    cases = []
    for base_name, make, variants in (("base_bytes", base_bytes, bytes_variants), ("base_marks", base_marks, marks_variants)):
        base = make().to_str()
        (OUT / f"{base_name}.json").write_text(json.dumps(json.loads(base), ensure_ascii=False, separators=(",", ":")) + "\n")
        for seed, (name, sections) in enumerate(variants()):
            cases.append({"base": base_name, **variant(base, name, seed, **sections)})
    lines = ",\n".join(json.dumps(c, ensure_ascii=False, separators=(",", ":")) for c in cases)
    (OUT / "cases.json").write_text("[\n" + lines + "\n]\n")
    print(f"{len(cases)} tokenizers, {sum(len(c['texts']) for c in cases)} texts in {OUT}")


main()
