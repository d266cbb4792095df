#!/usr/bin/env python3
"""Renders the templates and snippets of tests/golden/jinja with Python's Jinja2 and writes goldens.json beside them.

Needs jinja2 3.1.6 (PyPI). Run from anywhere: ci/peers/jinja_goldens.py [--real DIR …]

Two environments, set up as their users do:
  chat  transformers' apply_chat_template   task  lm-evaluation-harness
goldens.json: {"jinja2": version, "templates": {"<env>/<file>/<context>": outcome}, "snippets": [outcome per snippet and environment],
"real": {"<sha256 of a model's own template>": {"<context>": sha256 of the text, or error}}}
outcome: {"text": …} or {"error": class, "message": …}. --real takes tokenizer_config.json files and keeps hashes alone.
"""
import argparse
import datetime
import hashlib
import json
import pathlib
import re

import jinja2
import jinja2.ext
import jinja2.sandbox

ROOT = pathlib.Path(__file__).resolve().parents[2] / "tests" / "golden" / "jinja"
NOW = datetime.datetime(2024, 7, 4, 15, 6, 7)  # what strftime_now shows; the test sets the same
CHAT_CONTEXTS = ["user", "system", "turns", "unalternating", "strange_role", "no_messages", "parts", "tools"]
TASK_CONTEXTS = ["doc"]


class Generation(jinja2.ext.Extension):
    """{% generation %}: the body, in a scope of its own."""

    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("_text"), [], [], body).set_lineno(line)

    def _text(self, caller):
        return caller()


class Dict:
    def __call__(self, *args, **kwargs):
        return dict(*args, **kwargs)


class Namespace(jinja2.utils.Namespace):
    def __init__(*args, **kwargs):
        self, args = args[0], args[1:]
        attributes = dict(*args, **kwargs)
        for name in attributes:
            Namespace.check(name)
        jinja2.utils.Namespace.__init__(self, attributes)

    def __setitem__(self, name, value):
        Namespace.check(name)
        jinja2.utils.Namespace.__setitem__(self, name, value)

    @staticmethod
    def check(name):
        if isinstance(name, str) and name.startswith("_"):
            raise jinja2.exceptions.SecurityError(f"a namespace of a chat template cannot hold names that begin with _: {name}")


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


def to_json(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def chat_environment():
    env = jinja2.sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols]
    )
    env.filters["tojson"] = to_json
    env.globals.update(
        raise_exception=raise_exception, strftime_now=lambda f: NOW.strftime(f), dict=Dict(), namespace=Namespace
    )
    return env


def task_environment():
    env = jinja2.Environment(loader=jinja2.BaseLoader(), undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
    env.filters["regex_replace"] = lambda text, pattern, repl, count=0: re.sub(pattern, repl, text, count=count)
    return env


ENVIRONMENTS = {"chat": chat_environment(), "task": task_environment()}


def outcome(env, text, context):
    try:
        # Contexts are read anew each time: templates of the task environment may change them.
        return {"text": ENVIRONMENTS[env].from_string(text).render(**json.loads(json.dumps(context)))}
    except Exception as e:  # whatever a template can raise is what the golden records
        return {"error": type(e).__name__, "message": str(e).split("\n")[0]}


def snippets():
    """(environments, context, unsupported, text) of each block of snippets.txt."""
    blocks = re.split(r"^=== ", (ROOT / "snippets.txt").read_text(encoding="utf-8"), flags=re.M)[1:]
    for block in blocks:
        head, text = block.split("\n", 1)
        env, context, *rest = head.split()
        yield ["chat", "task"] if env == "both" else [env], context, bool(rest), text[:-1].replace("%CR%", "\r")


def real(paths, contexts):
    found = {}
    for path in paths:
        template = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))["chat_template"]
        rendered = {}
        for name in CHAT_CONTEXTS:
            result = outcome("chat", template, contexts[name])
            rendered[name] = (
                hashlib.sha256(result["text"].encode()).hexdigest() if "text" in result else result["error"]
            )
        found[hashlib.sha256(template.encode()).hexdigest()] = rendered
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--real", nargs="*", default=[], help="tokenizer_config.json files with a chat template")
    args = parser.parse_args()
    contexts = json.loads((ROOT / "contexts.json").read_text(encoding="utf-8"))
    templates = {}
    for path in sorted((ROOT / "templates").glob("*.jinja")):
        env = "task" if path.name.startswith("task_") else "chat"
        for name in TASK_CONTEXTS if env == "task" else CHAT_CONTEXTS:
            text = path.read_bytes().decode()
            templates[f"{env}/{path.name}/{name}"] = outcome(env, text, contexts[name])
    results = []
    for environments, context, unsupported, text in snippets():
        for env in environments:
            results.append({} if unsupported else outcome(env, text, contexts[context]))
    goldens = {
        "jinja2": jinja2.__version__,
        "templates": templates,
        "snippets": results,
        "real": real(args.real, contexts),
    }
    out = json.dumps(goldens, ensure_ascii=False, indent=1)
    (ROOT / "goldens.json").write_text(out + "\n", encoding="utf-8")
    print(f"{len(templates)} renders of templates, {len(results)} of snippets, {len(goldens['real'])} real templates")


if __name__ == "__main__":
    main()
