"""What the builtin models are pre-trained on: their tokenizer and an endless stream of prompts with completions.

Owns the mix of prompt forms. All four forms of the package's default prompts occur, so that what a stage teaches on
hinted prompts carries over to the plain `solve` prompt of an evaluation.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from random import Random
from typing import Any, Final, Literal

from jinja2 import Environment, StrictUndefined, Template
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from cotspec.builtin import problems
from cotspec.builtin.problems import LARGEST, VERBOSE, Story

Form = Literal["solve", "reconstruct", "complete", "rewrite"]

END: Final = "<|end|>"
PAD: Final = "<|pad|>"
STEPS: Final = (2, 4)
"""How many steps the problems take that the models learn from and are measured on."""
MIX: Final[dict[Form, int]] = {"solve": 55, "reconstruct": 15, "complete": 15, "rewrite": 15}
"""Percent of the examples in each prompt form."""
REWRITE_VERBOSE: Final = 0.5
"""Share of long forms in the target of a rewrite: shorter than its source, but not yet short."""
PLACEHOLDER: Final = "[MASKED]"
PIECES: Final = r" ?\p{L}+| ?\p{N}{1,3}| ?[^\s\p{L}\p{N}]+|\n+|\s"
"""One token each, if the vocabulary has it; together they cover every text."""
LARGEST_WHOLE_NUMBER: Final = 2 * LARGEST + 1


@dataclass(frozen=True)
class Example:
    """A prompt and the completion that is learned after it."""

    prompt: str
    completion: str


def templates() -> dict[Form, Template]:
    """Load the package's default prompts."""
    folder = files("cotspec.cot") / "prompts"
    # Prompts are plain text for a model, never HTML.
    environment = Environment(keep_trailing_newline=True, undefined=StrictUndefined, autoescape=False)  # noqa: S701
    return {form: environment.from_string((folder / f"{form}.jinja").read_text(encoding="utf-8")) for form in MIX}


def examples(rng: Random, *, size: int, mix: dict[Form, int]) -> Iterator[Example]:
    """Yield `size` examples over problems of the train split."""
    prompts = templates()
    for story in problems.stories(rng, split="train", size=size, steps=STEPS):
        (form,) = rng.choices(list(mix), list(mix.values()))
        yield _example(form, prompts[form], story, rng)


def _example(form: Form, prompt: Template, story: Story, rng: Random) -> Example:
    question = problems.question(story, rng)
    trace = problems.trace(story, rng, verbose=VERBOSE)
    match form:
        case "solve":
            return Example(prompt.render(question=question), trace)
        case "reconstruct" | "complete":
            notes = _shuffled(trace, rng) if form == "reconstruct" else _with_gaps(trace, rng)
            return Example(prompt.render(question=question, trace=notes), trace)
        case "rewrite":
            shorter = problems.trace(story, rng, verbose=REWRITE_VERBOSE)
            return Example(prompt.render(question=question, trace=trace), shorter)


def _shuffled(trace: str, rng: Random) -> str:
    notes = _masked_steps(trace, rng)
    rng.shuffle(notes)
    return "\n".join(f"- {note}" for note in notes)


def _with_gaps(trace: str, rng: Random) -> str:
    return "\n".join(f"Step {k}: {note}" for k, note in enumerate(_masked_steps(trace, rng), 1))


def _masked_steps(trace: str, rng: Random) -> list[str]:
    """Cut out the texts of the steps and mask between none and all of them."""
    steps = [line.split(": ", 1)[1] for line in trace.splitlines() if line.startswith("Step ")]
    hidden = set(rng.sample(range(len(steps)), rng.randint(0, len(steps))))
    return [PLACEHOLDER if k in hidden else step for k, step in enumerate(steps)]


def tokenizer() -> Any:
    """Build the tokenizer: every word of the corpus is one token, anything else falls back to its bytes.

    There are no merges: `ignore_merges` looks a whole piece up first, and a piece that is not found becomes bytes.
    """
    split = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PIECES), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    vocabulary = {token: number for number, token in enumerate(_vocabulary(split))}
    model = Tokenizer(models.BPE(vocab=vocabulary, merges=[], ignore_merges=True))
    model.pre_tokenizer = split
    model.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(
        tokenizer_object=model,
        eos_token=END,
        pad_token=PAD,
        padding_side="left",
        clean_up_tokenization_spaces=False,
        model_max_length=1024,
    )


def _vocabulary(split: Any) -> list[str]:
    """List the special tokens, the bytes, then every word of a large sample and the numbers, sorted."""
    rng = Random(0)  # noqa: S311 - a sample large enough to hold every word of every template
    words = {f"Ġ{number}" for number in range(LARGEST_WHOLE_NUMBER + 1)}  # Ġ is byte-level for a space
    for example in examples(rng, size=4000, mix=dict.fromkeys(MIX, 1)):
        words |= {piece for piece, _ in split.pre_tokenize_str(example.prompt + example.completion)}
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    return [END, PAD, *alphabet, *sorted(words - set(alphabet))]
