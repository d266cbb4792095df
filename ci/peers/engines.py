#!/usr/bin/env python3
"""Prefill and decode rates of transformers and llama.cpp on the models that pareto is measured with.

    ci/peers/engines.py --hf FOLDER [--gguf FILE…] [--threads 2] [--prefill 512,4096] [--gen 32] [--reps 3]

FOLDER and FILEs come from `make_model --shape qwen2.5-0.5b`. Prints one JSON object a line: engine, model, test
(llama-bench's names), tokens per second (median of the repetitions; the best beside it). Random tokens, greedy feeding of
nothing: the same work as `pareto bench`.
"""
import argparse, json, os, statistics, time

p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
p.add_argument("--hf")
p.add_argument("--dtypes", default="bfloat16,float32", help="of transformers")
p.add_argument("--gguf", nargs="*", default=[])
p.add_argument("--threads", type=int, default=2)
p.add_argument("--prefill", default="512,4096")
p.add_argument("--depth", default="16,4096", help="decode after so many tokens")
p.add_argument("--gen", type=int, default=32)
p.add_argument("--reps", type=int, default=3)
args = p.parse_args()
os.environ["OMP_NUM_THREADS"] = str(args.threads)
PREFILL, DEPTH = ([int(x) for x in s.split(",") if x] for s in (args.prefill, args.depth))


def report(engine, model, test, tokens, seconds):
    rates = [tokens / s for s in seconds]
    print(json.dumps({"engine": engine, "model": model, "test": test, "tokens_per_s": round(statistics.median(rates), 2),
                      "best": round(max(rates), 2), "n": len(rates)}), flush=True)


def timed(fn):
    t = time.perf_counter()
    fn()
    return time.perf_counter() - t


def tokens(n, vocab=30000):
    return [(i * 7919 + 13) % vocab + 100 for i in range(n)]


def run_transformers():
    import torch
    from transformers import AutoModelForCausalLM

    torch.set_num_threads(args.threads)
    for dtype in args.dtypes.split(","):
        model = AutoModelForCausalLM.from_pretrained(args.hf, dtype=getattr(torch, dtype)).eval()
        with torch.inference_mode():
            for n in PREFILL:
                ids = torch.tensor([tokens(n)])
                model(ids, logits_to_keep=1)
                report("transformers", dtype, f"pp{n}", n, [timed(lambda: model(ids, logits_to_keep=1)) for _ in range(args.reps)])
            for depth in DEPTH:
                seconds = []
                for _ in range(args.reps):
                    cache = model(torch.tensor([tokens(depth)]), use_cache=True, logits_to_keep=1).past_key_values
                    step = lambda: model(torch.tensor([[17]]), past_key_values=cache, use_cache=True)
                    step()
                    seconds.append(timed(lambda: [step() for _ in range(args.gen)]))
                report("transformers", dtype, f"tg{args.gen} @ d{depth}", args.gen, seconds)
        del model


def run_llama_cpp(path):
    from llama_cpp import Llama

    for flash in (False, True):
        llm = Llama(path, n_ctx=max(PREFILL + DEPTH) + args.gen + 64, n_threads=args.threads, n_threads_batch=args.threads,
                    n_batch=2048, n_ubatch=512, flash_attn=flash, verbose=False)
        name = f"{os.path.basename(path)}{' +fa' if flash else ''}"
        for n in PREFILL:
            seconds = []
            for rep in range(args.reps + 1):
                llm.reset()
                seconds.append(timed(lambda: llm.eval(tokens(n))))
            report("llama.cpp", name, f"pp{n}", n, seconds[1:])
        for depth in DEPTH:
            seconds = []
            for _ in range(args.reps):
                llm.reset()
                llm.eval(tokens(depth))
                llm.eval([17])
                seconds.append(timed(lambda: [llm.eval([17]) for _ in range(args.gen)]))
            report("llama.cpp", name, f"tg{args.gen} @ d{depth}", args.gen, seconds)
        del llm


if args.hf:
    run_transformers()
for gguf in args.gguf:
    run_llama_cpp(gguf)
