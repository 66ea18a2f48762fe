"""docs/grading.md from the table of rules: `python -m cotspec.cot.grading_page > docs/grading.md`."""

from __future__ import annotations

from cotspec.cot.grading import RULES

_HEAD = """# How an answer is graded

The answer of a response is what follows the format's opener (or, given without it, "the answer is 5" or a `\\boxed{}`);
a tag that opens it (`<answer>`) is closed by its closer, and what stands between may be the answer alone or a text that
gives it, after `Answer:` or in a box. A response without an answer is wrong: nothing looks for the gold answer in the
rest of the text.

Comparing it with the gold answer has three outcomes. **Right** and **wrong** are what they say. **Ungradable** is an
answer that is there but cannot be held against this gold answer: a condition, several values for one, a sum left to do,
a formula that cannot be read. It is never right: rewards, filters, gates and accuracies treat it as wrong, and every
task that grades counts it: `ungradable` in metrics.json and log.jsonl, `ungradable_answer` in counts.json of traces,
`ungradable_attempts` of mining, a column of the report when there are any, and `ungradable` of each prediction.

One plain number on both sides (`2,125` and `$2125.00`) is compared at once. Everything else goes through these rules,
in this order; the first that has something to say decides. Each example is a test.

| rule | what it does | the same | not the same |
|---|---|---|---|
"""
_FOOT = """
A gold answer that no answer can equal (nothing in it, `nan`, a whole text where an answer should be, a formula that
math-verify cannot read) is named with its row by the data task.

Formulas need math-verify, which comes with the `train` extra. Where it is missing, what needs it is an error that says
so, never a grade; numbers, words and lists do without. A formula that is too long, or whose towers of powers or
factorials would never end, is ungradable at once; math-verify's own time limit (30 s) works in the main thread only.
"""


def markdown() -> str:
    """The whole page as Markdown."""
    lines = (f"| {rule.name} | {rule.does} | {_pair(rule.same)} | {_pair(rule.different)} |\n" for rule in RULES)
    return _HEAD + "".join(lines) + _FOOT


def _pair(pair: tuple[str, str]) -> str:
    return " and ".join(f"`{text}`" for text in pair)


if __name__ == "__main__":
    print(markdown(), end="")
