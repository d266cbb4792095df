#!/usr/bin/env python3
"""Prompts and hashes of lm-evaluation-harness 0.4.13, for tests/tasks.

    ci/peers/lm_eval_goldens.py --data DIR > tests/golden/tasks/prompts.jsonl
    ci/peers/lm_eval_goldens.py --data tests/golden/data --own > tests/golden/tasks/prompts_own.jsonl

One JSON object per case: what was asked (task, num_fewshot, limit, samples, chat, multiturn, system, seed) and

    docs, doc_ids      how many documents and the first ten's ids
    task_hash          lm-eval's, over doc, prompt and target of every document, once per filter
    prompts_sha256     over the concatenated prompt hashes
    first_prompt, last_prompt    sha256 of the first and the last context
    requests_sha256    over the JSON of [context, continuation] or [context, generation_kwargs] of all requests

`chat` is the template below: a turn is "<|role|>content<|end|>" and a newline, the answer begins after "<|assistant|>".
"""
import argparse, hashlib, json, math

p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
p.add_argument("--data", required=True, help="folder of hub rows")
p.add_argument("--own", action="store_true", help="the cases over the rows of our own")
args = p.parse_args()
from lm_eval_tasks import load

MMLU = ["mmlu_anatomy", "mmlu_professional_law", "mmlu_high_school_european_history", "mmlu_moral_scenarios"]
CASES = [dict(task=t, num_fewshot=n) for t in ("arc_easy", "arc_challenge") for n in (0, 25)]
CASES += [dict(task="gsm8k", num_fewshot=None), dict(task="gsm8k", num_fewshot=2, seed=7), dict(task="gsm8k", num_fewshot=0),
          dict(task="gsm8k_cot", num_fewshot=None), dict(task="gsm8k_cot", num_fewshot=3),
          dict(task="gsm8k_cot_zeroshot", num_fewshot=5), dict(task="aime24", num_fewshot=4), dict(task="aime25")]
CASES += [dict(task=t, num_fewshot=n) for t in MMLU for n in (0, 5)]
CASES += [dict(task="gsm8k", limit=0.0123), dict(task="gsm8k", limit=10), dict(task="gsm8k", samples=[3, 1000, 17]),
          dict(task="arc_easy", num_fewshot=3, limit=20, system="Answer well."),
          dict(task="gsm8k", limit=5, gen_kwargs={"temperature": 0.7, "do_sample": True, "max_gen_toks": 64})]
for task in ("arc_easy", "gsm8k", "gsm8k_cot", "mmlu_anatomy", "aime24"):
    CASES += [dict(task=task, num_fewshot=2, limit=8, chat=True, multiturn=m, system=s)
              for m in (True, False) for s in (None, "You are careful.")]
CASES += [dict(task=t, num_fewshot=None) for t in ("openbookqa", "piqa", "hellaswag", "winogrande", "commonsense_qa", "lambada_openai")]
CASES += [dict(task=f"{t}_{v}", num_fewshot=n) for t in MMLU for v in ("continuation", "generative") for n in (0, 5)]

OWN = [dict(task=t, num_fewshot=n) for n in (0, 3)
       for t in ("arc_easy", "gsm8k", "mmlu_astronomy", "mmlu_astronomy_continuation", "mmlu_astronomy_generative", "openbookqa", "piqa",
                 "hellaswag", "winogrande", "commonsense_qa", "lambada_openai", "gsm8k_cot_self_consistency")]
OWN += [dict(task="wikitext", num_fewshot=0)]
OWN += [dict(task=t, num_fewshot=2, chat=True, multiturn=m, system=s) for m in (True, False) for s in (None, "You are careful.")
        for t in ("openbookqa", "hellaswag", "winogrande", "lambada_openai", "mmlu_astronomy_generative")]


def chat(messages, add_generation_prompt=True):
    text = "".join(f"<|{m['role']}|>{m['content']}<|end|>\n" for m in messages)
    return text + ("<|assistant|>" if add_generation_prompt else "")


def sha(text):
    return hashlib.sha256(text.encode()).hexdigest()


def run(case):
    task = load([case["task"]], args.data)[case["task"]]
    asked = case.get("num_fewshot")
    if asked is not None and task.get_config("num_fewshot") != 0:
        task.set_config(key="num_fewshot", value=asked)
    if asked is None and task.get_config("num_fewshot") is None:
        task.set_config(key="num_fewshot", value=0)
    if case.get("gen_kwargs"):
        task.set_config(key="generation_kwargs", value=case["gen_kwargs"], update=True)
    task.set_fewshot_seed(case.get("seed", 1234))
    limit, samples = case.get("limit"), case.get("samples")
    if limit is not None and limit < 1:
        limit = math.ceil(len(task.eval_docs) * limit)
    task.build_all_requests(limit=limit, samples=samples, system_instruction=case.get("system"),
                            apply_chat_template=case.get("chat", False), fewshot_as_multiturn=case.get("multiturn", False),
                            chat_template=chat if case.get("chat") else None)
    by_doc = {}
    for instance in task.instances:
        by_doc.setdefault(instance.doc_id, []).append(instance)
    ids = sorted(samples) if samples else list(by_doc)
    hashes, prompts = [], []
    for instances in by_doc.values():
        doc = instances[0].doc
        prompts.append(sha(instances[0].args[0]))
        hashes.append(sha(json.dumps(doc, indent=2, ensure_ascii=False)) + prompts[-1] + sha(str(task.doc_to_target(doc))))
    filters = len(task._filters)
    requests = json.dumps([list(i.args) for i in task.instances], ensure_ascii=False)
    return {**case, "docs": len(ids), "doc_ids": ids[:10], "task_hash": sha("".join(hashes) * filters),
            "prompts_sha256": sha("".join(prompts)), "first_prompt": prompts[0], "last_prompt": prompts[-1],
            "requests_sha256": sha(requests)}


for case in OWN if args.own else CASES:
    print(json.dumps(run(case), ensure_ascii=False), flush=True)
