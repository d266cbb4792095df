#!/usr/bin/env python3
"""Compares what lm-evaluation-harness and pareto say of the same items.

    ci/peers/compare_items.py items.jsonl OUT [--tolerance 1e-3]

items.jsonl is of ci/peers/lm_eval_items.py; OUT is a folder of `pareto run --output`, or a samples_*.jsonl. Per task: items
in both, prompts that differ, the largest difference of a log-likelihood, decisions (0/1 metrics, and the
weights of the others) that differ, generated texts
that differ. Exit 1 if a prompt or a decision differs or a difference exceeds the tolerance.
"""
import argparse, json, pathlib, sys

p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
p.add_argument("items")
p.add_argument("out")
p.add_argument("--tolerance", type=float, default=1e-3, help="of a log-likelihood")
args = p.parse_args()


def lines(path):
    with open(path, encoding="utf-8") as f:
        return [json.loads(line) for line in f if line.strip()]


def samples(out):
    """{(task, doc_id, filter): sample}, of the newest file of each task."""
    out = pathlib.Path(out)
    found = {}
    for path in [out] if out.is_file() else sorted(out.rglob("samples_*.jsonl"), key=lambda f: f.name.rsplit("_", 1)[1]):
        task = path.name[len("samples_"):].rsplit("_", 1)[0]
        found.update({(task, s["doc_id"], s["filter"]): s for s in lines(path)})
    return found


class Tally:
    def __init__(self):
        self.n = self.prompts = self.decisions = self.texts = self.missing = 0
        self.worst = 0.0

    def add(self, item, sample):
        if sample is None:
            self.missing += 1
            return
        self.n += 1
        self.prompts += item["prompt_hash"] != sample["prompt_hash"]
        for metric, theirs in item["metrics"].items():
            ours = sample[metric]
            if isinstance(theirs, list):  # [log-likelihood, weight]
                self.worst = max(self.worst, abs(ours[0] - theirs[0]))
                self.decisions += ours[1] != theirs[1]
            elif metric == "perplexity":  # a log-likelihood
                self.worst = max(self.worst, abs(ours - theirs))
            else:
                self.decisions += float(ours) != theirs
        if "text" in item:
            self.texts += item["text"] != sample["resps"][0][0]
        else:
            ours = sample["pareto"]["loglikelihoods"]
            self.worst = max([self.worst] + [abs(a - b) for a, b in zip(item["ll"], ours, strict=True)])

    def bad(self):
        return self.prompts or self.decisions or self.missing or self.worst > args.tolerance

    def __str__(self):
        text = f"{self.n} items, max |dll| {self.worst:.2e}, {self.decisions} decisions differ, {self.prompts} prompts differ"
        return text + (f", {self.texts} texts differ" if self.texts else "") + (f", {self.missing} missing" if self.missing else "")


ours, tallies = samples(args.out), {}
for item in lines(args.items):
    tallies.setdefault(item["task"], Tally()).add(item, ours.get((item["task"], item["doc_id"], item["filter"])))
for task, tally in tallies.items():
    print(f"{'DIFF' if tally.bad() else 'ok  '} {task}: {tally}")
sys.exit(1 if not tallies or any(t.bad() for t in tallies.values()) else 0)
