#!/usr/bin/env python3
"""What lm_eval 0.4.13's multi_choice_regex makes of responses of our own: tests/golden/tasks/multi_choice_regex.jsonl.

One line: {"options": {…}, "choices": [text], "responses": [text], "filtered": [text]}. A response at which upstream
raises (a match index beyond the matches) has null. Run with the python of ci/peers/setup.
"""
import itertools
import json
import pathlib

from lm_eval.filters.extraction import MultiChoiceRegexFilter

OUT = pathlib.Path(__file__).resolve().parents[2] / "tests" / "golden" / "tasks" / "multi_choice_regex.jsonl"

OPTIONS = [
    {"regex_pattern": r"(\([A-Z]\))"},
    {"regex_pattern": r"(\([A-Z]\))", "group_select": -1, "ignore_case": True, "ignore_punctuation": True},
    {"regex_pattern": r"answer is (\([A-Z]\))|choose (\([A-Z]\))", "ignore_case": True},
    {"regex_pattern": r"(x*)(y*)!", "ignore_punctuation": True, "regexes_to_ignore": [r"the ", r"\s+$", ","]},
    {"regex_pattern": r"#### (\-?[0-9\.\,]+)", "group_select": 1, "regexes_to_ignore": ["[0-9]"]},
]
CHOICES = [
    ["Guilty", "Guilty of Romance", "Not guilty.", "guilty"],
    ["a.b", "a+b?", "(a|b)*", "$5 \\ [x]", "a-b & c ~ d # e"],
    ["yes", "no", "yes", "  no  "],
    ["¿Por qué?", "Ünïcode — ß", "«quoted»", "東京、日本"],
    ["...", "!", "one, two", "one two"],
    ["1997", "19", "the 9", "ninety 7"],
    ["first\nline", "tab\there", " padded ", "x"],
    ["only"],
    [],
]
RESPONSES = [
    "", "(B)", "I think (C) and then (A).", "The answer is (D).", "the answer is Guilty of Romance, so (E)", "choose (B)",
    "not guilty.", "NOT GUILTY", "Guilty of Romance", "guilty of romance!", "Answer: B", "answer:\n\n C.", "Answer: Z", "::A:B",
    "a.b", "axb", "a+b?", "(a|b)*", "$5 \\ [x]", "a-b & c ~ d # e", "so yes", "no no yes", "  no  ",
    "¿por qué?", "por qué", "ünïcode — ß", "ünïcode  ß", "quoted", "«quoted»", "東京、日本", "東京日本", "...", "!", "xy!", "!xx!", "one, two", "one two",
    "#### 1,5", "#### 1 #### 2", "in 1997", "the 9 ", "ninety 7", "first\nline", "tab\there", "padded", " padded ", "only", "only: A", "Answer:\u00a0A",
]


def filtered(options, responses, choices):
    """Of all responses at once, as upstream walks all of Unicode for every call; one by one where one of them raises."""
    try:
        return MultiChoiceRegexFilter(**options).apply([responses], [{"choices": choices}])[0]
    except IndexError:
        return [None] if len(responses) == 1 else [filtered(options, [r], choices)[0] for r in responses]


def main():
    OUT.parent.mkdir(parents=True, exist_ok=True)
    with OUT.open("w", encoding="utf-8") as out:
        for options, choices in itertools.product(OPTIONS, CHOICES):
            row = {"options": options, "choices": choices, "responses": RESPONSES}
            row["filtered"] = filtered(options, RESPONSES, choices)
            out.write(json.dumps(row, ensure_ascii=False) + "\n")
    print(f"{len(OPTIONS) * len(CHOICES) * len(RESPONSES)} responses")


if __name__ == "__main__":
    main()
