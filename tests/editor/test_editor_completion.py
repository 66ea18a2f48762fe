"""What a server offers where the cursor (`‸`) is, and what it puts there."""

from __future__ import annotations

from pathlib import Path

import pytest
from lsprotocol import types

from tests.editor.driver import Editor, cursor, edited

SEED = "seed: 42\n"
A_VARIANT = f"{SEED}variants: {{{{a: {{{{{{}}}}}}}}}}\n"
WRITERS = "student teacher structure compress rewrite"
#: what is done to bridge-tiny, what is offered then, and what is not
CASES = {
    "who writes": ("by: teacher", "by: ‸", WRITERS, "train teach"),
    "who writes, half a name": ("by: teacher", "by: tea‸", WRITERS, ""),
    "who writes, in the middle of a name": ("by: teacher", "by: te‸acher", WRITERS, ""),
    "over what": ("over: train", "over: ‸", "train test teach tries", "student"),
    "of a list in brackets": ("of: [student, structure,", "of: [student, ‸, structure,", WRITERS, "test"),
    "of a list with dashes": ("  of: [student, structure, compress, rewrite]", "  of:\n    - ‸", WRITERS, "test"),
    "of a list that is not closed": ("of: [student, structure, compress, rewrite]", "of: [student, ‸", WRITERS, ""),
    "the text of a record": ("target: teach", "target: ‸", "tries teach", "train"),
    "segments": ("loss: [thinking, step", "loss: [thinking, ‸", "thinking step answer masked", "steps"),
    "metrics as keys": ("train.formatted:", "‸:", "train.formatted train.reward valid.accuracy", "otherwise"),
    "stages as keys": ("stages: {structure: {", "stages: {‸, structure: {", "compress rewrite", "structure student"),
    "rules": ("rule: slice-past-end", "rule: ‸", "slice-past-end reward-range", "unknown-key"),
    "values of a key": ("select: scattered", "select: ‸", "random scattered all", "step"),
    "trainers": ("{by: sft, epochs", "{by: ‸, epochs", "sft grpo dpo orpo distill", "student"),
    "true and false": ("shuffle: true", "shuffle: ‸", "true false", "student"),
    "models that come with cotspec": ("{builtin: tiny-student}", "{builtin: ‸}", "tiny-small tiny-student", "chains"),
    "keys of a block": ("    over: train\n", "    over: train\n    ‸\n", "prompt tilt slice gather", "over by keep"),
    "keys of a block, half a key": ("    shuffle: true\n", "    shuf‸\n", "shuffle begin reads", "task start"),
    "keys of a new block": ("    over: train\n", "    over: train\n  other:\n    ‸\n", "by over prompt", "start"),
    "keys in braces": ("{by: sft, epochs: 5,", "{by: sft, ‸ epochs: 5,", "precision lora", "epochs group beta by"),
    "keys in braces that are not closed": ("{unit: step, rows: 0.9,", "{unit: step, ‸", "select count", "unit share"),
    "keys of the trainer": ("      by: grpo\n", "      by: grpo\n      ‸\n", "all_failed lora", "group lr"),
    "keys at the top": ("\nmodels:", "\n‸\nmodels:", "variants extends", "models seed"),
    "measures of a reward": ("unless: correct", "unless: ‸", "correct group.correct teach.words min", "tries.score"),
    "measures in quotes": ('"curve(words /', '"curve(wor‸ /', "words teacher_words curve", "tries.score"),
    "measures of a text": (
        "tries.score == 0", "tries.‸", "tries.score tries.majority teach.steps", "rank teach.score teach.votes"
    ),
    "measures of a pair": (
        "{from: teach, slice: [0, 1600]}", "{from: tries, pairs: {better: ‸}}", "tries.votes teach.words", "tries.score"
    ),
    "measures of a pair of which others speak": (
        "{from: teach, slice: [0, 1600]}", "{from: tries, target: teach, pairs: {better: ‸}}",
        "tries.words teach.score", "tries.score tries.votes teach.votes",
    ),
    "a spec to extend": (SEED, f"{SEED}extends: ‸\n", "bridge-gsm8k.yaml tiny/", "prompts/teacher.jinja"),
    "a spec in a folder": (SEED, f"{SEED}extends: tiny/‸\n", "tiny/recipe.yaml", "bridge-gsm8k.yaml"),
    "settings of a variant": (SEED, f"{SEED}variants:\n  a:\n    ‸\n", "zip stages stages.compress.train.lr", "name"),
    "a dotted path": (SEED, A_VARIANT.format("stages.compress.‸"), "stages.compress.begin", "matrix"),
    "the end of a dotted path": (
        SEED, A_VARIANT.format("seed: 1, stages.compress.train.l‸"), "stages.compress.train.lr", "seed"
    ),
    "a dotted path of a matrix": (SEED, A_VARIANT.format("matrix: {stages.‸}"), "stages.compress.mask", "matrix"),
    "a value in a variant": (SEED, A_VARIANT.format("stages.compress.start: ‸"), f"{WRITERS} !remove", "teach"),
    "another trainer in a variant": (
        SEED, A_VARIANT.format("stages.compress.train.by: g‸"), "sft grpo dpo orpo distill !remove", "student"
    ),
    "half a tag": (SEED, A_VARIANT.format("stages.compress.mask: !re‸"), "!remove", ""),
    "half a tag in a block": (SEED, f"{SEED}variants:\n  a:\n    stages.compress.mask: !‸\n", "!remove", ""),
    "a value of a matrix": (SEED, A_VARIANT.format("matrix: {stages.compress.task: [‸]}"), "solve rewrite", "student"),
    "a group in a variant": (SEED, A_VARIANT.format("stages.compress.mask: {‸}"), "unit share", "stages.compress.task"),
    "an expression in a variant": (
        SEED, A_VARIANT.format("stages.compress.reward.terms.solved.value: ‸"), "correct teach.words", "student"
    ),
    "below a mistake": ("  rewrite:  ", "  ]\n  rewrite:\n    task: ‸\n  other:", "solve rewrite", ""),
    "above a mistake": ("    start: structure", "    start: ‸\n    {", WRITERS, ""),
    "in a comment": ("# 1: rebuild", "# 1: ‸ rebuild", "", WRITERS),
    "in free text": ("about: BRIDGE", "about: ‸BRIDGE", "", WRITERS),
}  # fmt: skip


@pytest.mark.parametrize(("case", "ending"), [*((case, "\n") for case in CASES), ("keys of a block", "\r\n")])
def test_what_is_offered(case: str, ending: str, editor: Editor, tiny: tuple[Path, str]) -> None:
    old, new, offered, not_offered = CASES[case]
    assert old in tiny[1]
    text, at = cursor(tiny[1].replace(old, new, 1).replace("\n", ending))
    editor.change(tiny[0], text)
    labels = {each.label for each in editor.completion(tiny[0], at)}
    assert set(offered.split()) <= labels
    assert not set(not_offered.split()) & labels


def test_of_a_new_spec_the_first_word_is_offered(editor: Editor, tiny: tuple[Path, str]) -> None:
    for text in ("‸", "cots‸", "# a comment\n\n‸", "cotspec: 2\n‸"):
        whole, at = cursor(text)
        editor.change(tiny[0], whole)
        assert {"name", "models"} <= {each.label for each in editor.completion(tiny[0], at)}


def chosen(items: list[types.CompletionItem], label: str) -> types.TextEdit:
    edit = next(each.text_edit for each in items if each.label == label)
    assert isinstance(edit, types.TextEdit)
    return edit


#: what is done to bridge-tiny, what is chosen, and what stands there then
CHOSEN = {
    "a name": ("by: teacher", "by: te‸a", "student", "by: student"),
    "a key": ("    over: train\n", "    over: train\n    sl‸\n", "slice", "    over: train\n    slice: \n"),
    "a key that has its colon": ("{by: sft, epochs: 5", "{by: sft, ep‸ochs: 5", "schedule", "{by: sft, schedule: 5"),
    "a group": ("    shuffle: true\n", "    lo‸\n", "reward", "    reward:\n      \n"),
    "a measure": ('"curve(words / ', '"curve(wo‸ / ', "teach.words", '"curve(teach.words / '),
    "a function": ("unless: correct", "unless: mi‸", "min", "unless: min("),
    "behind wide characters": ("{by: sft, ", "{\U0001f600é: 1, by: s‸, ", "grpo", "{\U0001f600é: 1, by: grpo, "),
    "a tag": (
        SEED, f"{SEED}variants:\n  a:\n    stages.compress.mask: !re‸\n", "!remove",
        f"{SEED}variants:\n  a:\n    stages.compress.mask: !remove\n",
    ),
    "the number of a step": ('opens: "Step {n}:"', 'opens: "Step {‸:"', "{n}", 'opens: "Step {n}:"'),
    "a dotted path": (
        SEED, f"{SEED}variants:\n  a:\n    stages.compress.train.l‸: 3\n", "stages.compress.train.lr",
        f"{SEED}variants:\n  a:\n    stages.compress.train.lr: 3\n",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CHOSEN)
def test_what_is_chosen_stands_where_the_word_stood(case: str, editor: Editor, tiny: tuple[Path, str]) -> None:
    old, new, label, after = CHOSEN[case]
    text, at = cursor(tiny[1].replace(old, new, 1))
    editor.change(tiny[0], text)
    assert edited(text, chosen(editor.completion(tiny[0], at), label)) == tiny[1].replace(old, after, 1)


def test_a_key_says_what_it_is_what_it_means_and_its_default(editor: Editor, tiny: tuple[Path, str]) -> None:
    text, at = cursor(tiny[1].replace("{by: sft, ", "{by: sft, ‸ ", 1))
    editor.change(tiny[0], text)
    (found,) = (each for each in editor.completion(tiny[0], at) if each.label == "max_grad_norm")
    assert found.detail == "a number, above 0"
    assert isinstance(found.documentation, types.MarkupContent)
    assert "Gradients are clipped" in found.documentation.value
    assert "Default: `1.0`" in found.documentation.value


def test_names_and_settings_of_the_spec_that_is_extended_are_offered(
    editor: Editor, ablations: tuple[Path, str]
) -> None:
    text, at = cursor(ablations[1].replace("compress.start: student", "compress.start: ‸"))
    editor.change(ablations[0], text)
    assert {each.label for each in editor.completion(ablations[0], at)} == {*WRITERS.split(), "!remove"}
    text, at = cursor(ablations[1].replace("    stages.compress.start:", "    stages.rewrite.train.‸:", 1))
    editor.change(ablations[0], text)
    (found,) = (each for each in editor.completion(ablations[0], at) if each.label == "stages.rewrite.train.beta")
    assert found.detail == "0.05"


def test_a_spec_of_somebody_else_offers_no_files_outside_of_the_project(editor: Editor, tiny: tuple[Path, str]) -> None:
    for path in ("../../‸", "/‸", "~/‸", ".git/‸"):
        text, at = cursor(tiny[1].replace(SEED, f"{SEED}extends: {path}\n", 1))
        editor.change(tiny[0], text)
        assert not [each.label for each in editor.completion(tiny[0], at) if each.kind is types.CompletionItemKind.File]
