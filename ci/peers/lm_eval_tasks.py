"""lm-evaluation-harness 0.4.13's own tasks over the rows that pareto reads, nothing downloaded.

    tasks = load(["gsm8k", "mmlu_anatomy"], "DIR")      DIR/<org>__<name>/<config>/<split>.jsonl
"""
import json, os, pathlib

os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1", TOKENIZERS_PARALLELISM="false", TQDM_DISABLE="1")
import datasets, lm_eval
from lm_eval.tasks import TaskManager

FOLDERS = ("arc", "gsm8k", "aime", "mmlu/default", "mmlu/continuation", "mmlu/generative", "openbookqa", "hellaswag", "piqa", "winogrande",
           "commonsense_qa", "lambada", "wikitext")


def rows(path):
    with open(path, encoding="utf-8") as f:
        return [json.loads(line) for line in f if line.strip()]


def serve_rows_from(data):
    """Every data set that a task asks for comes from the folder `data`."""
    def load_dataset(path=None, name=None, **_):
        folder = pathlib.Path(data) / path.replace("/", "__") / (name or "default")
        splits = {p.stem: datasets.Dataset.from_list(rows(p)) for p in sorted(folder.glob("*.jsonl"))}
        if not splits:
            raise FileNotFoundError(f"no *.jsonl in {folder}")
        for split in ("train", "validation", "test"):  # lm-eval opens the shots' split even where no shot is drawn
            splits.setdefault(split, next(iter(splits.values())))
        return datasets.DatasetDict(splits)
    datasets.load_dataset = load_dataset


def manager(data, folders=FOLDERS):
    """lm-eval's task manager, knowing the tasks in `folders` only: reading all of them takes ten seconds."""
    serve_rows_from(data)
    base = pathlib.Path(lm_eval.__file__).parent / "tasks"
    return TaskManager(include_defaults=False, include_path=[base / f for f in folders])


def load(names, data):
    """{name: task} in the order of `names`."""
    return manager(data).load(list(names))["tasks"]
