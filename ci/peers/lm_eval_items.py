#!/usr/bin/env python3
"""lm-evaluation-harness 0.4.13 on transformers, item by item, over the rows that pareto reads. Nothing is downloaded.

    ci/peers/lm_eval_items.py --model stories15M.bin --tokenizer tokenizer.model --data DIR
        --tasks arc_easy,mmlu_anatomy,gsm8k --limit 20 [--num_fewshot 5] [--max_length 256]
        [--gen_kwargs max_gen_toks=16] [--batch_size 1] [--threads 2] [--double] > items.jsonl

--model is a Hugging Face folder, or a llama2.c checkpoint (turned into a LlamaForCausalLM in memory). --tokenizer is a
folder, a tokenizer.json (through PreTrainedTokenizerFast) or a SentencePiece model. fp32 on the CPU. One line per document
and filter, as pareto's samples name things:

    {"task": "arc_easy", "doc_id": 0, "filter": "none", "prompt_hash": "…", "ll": […], "greedy": […], "metrics": {"acc": 0.0}}
    {"task": "gsm8k", "doc_id": 0, "filter": "strict-match", "prompt_hash": "…", "text": "…", "filtered": "…", "metrics": {…}}
    {"task": "wikitext", "doc_id": 0, "filter": "none", "prompt_hash": "…", "ll": […], "metrics": {"word_perplexity": [ll, words], …}}

and on standard error one line per task: documents and documents per second. Compare with ci/peers/compare_items.py.
"""
import argparse, json, os, struct, sys, time

p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
p.add_argument("--model", required=True)
p.add_argument("--tokenizer", help="default: the model's folder")
p.add_argument("--data", required=True, help="folder of hub rows")
p.add_argument("--tasks", required=True)
p.add_argument("--limit", type=float)
p.add_argument("--num_fewshot", type=int)
p.add_argument("--max_length", type=int)
p.add_argument("--gen_kwargs", default="")
p.add_argument("--batch_size", default="1")
p.add_argument("--double", action="store_true", help="log-softmax and sums in float64: a sum over a long text loses digits in float32")
p.add_argument("--threads", type=int, default=os.cpu_count())
args = p.parse_args()
os.environ["OMP_NUM_THREADS"] = str(args.threads)

import lm_eval_tasks
import lm_eval, torch, transformers
from lm_eval.models.huggingface import HFLM

torch.set_num_threads(args.threads)


def llama2c(path):
    """Layout: 7 int32, then float32 tensors over all layers; RoPE there turns adjacent pairs, here halves."""
    with open(path, "rb") as f:
        dim, hidden, layers, heads, kv_heads, vocab, length = struct.unpack("7i", f.read(28))
        flat = torch.frombuffer(bytearray(f.read()), dtype=torch.float32)
    shared, vocab, head, at = vocab > 0, abs(vocab), dim // heads, 0

    def take(*shape):
        nonlocal at
        n = torch.Size(shape).numel()
        at += n
        return flat[at - n:at].view(*shape)

    def halves(w, n):
        return w.view(n, head // 2, 2, dim).transpose(1, 2).reshape(n * head, dim)

    names = {"input_layernorm": (dim,), "self_attn.q_proj": (dim, dim), "self_attn.k_proj": (kv_heads * head, dim),
             "self_attn.v_proj": (kv_heads * head, dim), "self_attn.o_proj": (dim, dim), "post_attention_layernorm": (dim,),
             "mlp.gate_proj": (hidden, dim), "mlp.down_proj": (dim, hidden), "mlp.up_proj": (hidden, dim)}
    state = {"model.embed_tokens.weight": take(vocab, dim)}
    for name, shape in names.items():
        for i, w in enumerate(take(layers, *shape)):
            w = halves(w, heads) if "q_proj" in name else halves(w, kv_heads) if "k_proj" in name else w
            state[f"model.layers.{i}.{name}.weight"] = w
    state["model.norm.weight"] = take(dim)
    take(2, length, head // 2)
    state["lm_head.weight"] = state["model.embed_tokens.weight"] if shared else take(vocab, dim)
    config = transformers.LlamaConfig(vocab_size=vocab, hidden_size=dim, intermediate_size=hidden, num_hidden_layers=layers,
                                      num_attention_heads=heads, num_key_value_heads=kv_heads, rms_norm_eps=1e-5,
                                      max_position_embeddings=args.max_length or length, tie_word_embeddings=shared,
                                      bos_token_id=1, eos_token_id=2)
    model = transformers.LlamaForCausalLM(config)
    model.load_state_dict(state)
    return model.eval()


class SentencePiece(transformers.PreTrainedTokenizer):
    """The library itself: what transformers makes of a tokenizer.model encodes leading spaces differently."""
    model_input_names = ["input_ids", "attention_mask"]

    def __init__(self, path):
        import sentencepiece
        self.sp = sentencepiece.SentencePieceProcessor(model_file=path)
        super().__init__(bos_token="<s>", eos_token="</s>", unk_token="<unk>")

    @property
    def vocab_size(self):
        return self.sp.get_piece_size()

    def get_vocab(self):
        return {self.sp.id_to_piece(i): i for i in range(self.vocab_size)}

    def _tokenize(self, text, **_):
        return self.sp.encode(text, out_type=str)

    def _convert_token_to_id(self, token):
        return self.sp.piece_to_id(token)

    def _convert_id_to_token(self, index):
        return self.sp.id_to_piece(index)

    def convert_tokens_to_string(self, tokens):
        # A special token prints as itself: lm-eval looks for the decoded BOS at the start of a prompt.
        text, run = "", []
        for token in tokens:
            if token in self.all_special_tokens:
                text, run = text + self.sp.decode(run) + token, []
            else:
                run.append(token)
        return text + self.sp.decode(run)

    def build_inputs_with_special_tokens(self, ids, pair=None):
        return [self.bos_token_id] + ids + (pair or [])

    def _encode_plus(self, text, add_special_tokens=True, **kwargs):
        # No splitting at special tokens' texts: "</s>" in a prompt is text.
        if isinstance(text, str):
            ids = self.sp.encode(text)
            text = [self.bos_token_id] + ids if add_special_tokens else ids
            return self.prepare_for_model(text, add_special_tokens=False, **self._for_model(kwargs))
        return super()._encode_plus(text, add_special_tokens=add_special_tokens, **kwargs)

    @staticmethod
    def _for_model(kwargs):
        keep = ("max_length", "stride", "pad_to_multiple_of", "return_tensors", "return_attention_mask", "return_length")
        return {k: v for k, v in kwargs.items() if k in keep and v is not None}


def tokenizer():
    path = args.tokenizer or args.model
    if path.endswith(".model"):
        return SentencePiece(path)
    if path.endswith(".json"):
        return transformers.PreTrainedTokenizerFast(tokenizer_file=path, bos_token="<s>", eos_token="</s>", unk_token="<unk>")
    return transformers.AutoTokenizer.from_pretrained(path)


def model():
    if os.path.isdir(args.model):
        return transformers.AutoModelForCausalLM.from_pretrained(args.model, dtype=torch.float32).eval()
    return llama2c(args.model)


def gen_kwargs():
    from lm_eval.utils import simple_parse_args_string
    return simple_parse_args_string(args.gen_kwargs) if args.gen_kwargs else None


def show(task, samples):
    for s in samples:
        item = {"task": task, "doc_id": s["doc_id"], "filter": s["filter"], "prompt_hash": s["prompt_hash"]}
        if isinstance(s["resps"][0][0], str):
            item |= {"text": s["resps"][0][0], "filtered": s["filtered_resps"][0]}
        elif isinstance(s["resps"][0][0], (tuple, list)):
            item |= {"ll": [float(r[0][0]) for r in s["resps"]], "greedy": [bool(r[0][1]) for r in s["resps"]]}
        else:  # rolling
            item |= {"ll": [float(r[0]) for r in s["resps"]]}
        item["metrics"] = {m: [float(x) for x in s[m]] if isinstance(s[m], (tuple, list)) else float(s[m]) for m in s["metrics"]}
        print(json.dumps(item, ensure_ascii=False), flush=True)


if args.batch_size.isdigit():
    args.batch_size = int(args.batch_size)
lm = HFLM(pretrained=model(), tokenizer=tokenizer(), batch_size=args.batch_size, max_length=args.max_length, device="cpu",
          dtype="float32")
if args.double:
    logits = lm._model_call
    lm._model_call = lambda *inputs, **kwargs: logits(*inputs, **kwargs).double()
tasks = lm_eval_tasks.manager(args.data)
for name in args.tasks.split(","):
    begin = time.perf_counter()
    result = lm_eval.simple_evaluate(model=lm, tasks=[name], task_manager=tasks, num_fewshot=args.num_fewshot,
                                     limit=args.limit, gen_kwargs=gen_kwargs(), bootstrap_iters=0, log_samples=True)
    seconds = time.perf_counter() - begin
    for task, samples in result["samples"].items():
        show(task, samples)
        n = len({s["doc_id"] for s in samples})
        print(f"{task}: {n} documents, {n / seconds:.2f} documents/s with loading", file=sys.stderr)
