"""Texts that are written over several records at once."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.cot.template import VARIABLES, shown
from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.diagnostics.source_map import Path
from cotspec.ir import generations
from cotspec.passes.check.context import Context, finding, misnamed
from cotspec.spec.experiment import Generation, Stage, Taught

_STAGE = "start: base, train: {by: sft, lr: 1e-5}, rows: {from: teach}, task: solve"

RULE = Rule(
    slug="gathered",
    claim="A text with `gather` is written over other texts, which its prompt shows, and stages read it that train on "
    "other questions.",
    why="It belongs to no question: it cannot be filtered by a gold answer, be a row, or be written over. A stage that "
    "practised the questions it was written from would read their answers.",
    failing=f"stages: {{first: {{{_STAGE}, reads: [teach]}}}}\n",
    passing=f"stages: {{first: {{{_STAGE}}}}}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every such text, and every stage that reads one."""
    spec = context.experiment
    gathered = [name for name, each in spec.generate.items() if each.gather is not None]
    for name, each in spec.generate.items():
        if name in gathered and generations.data_of(spec, each.over):
            yield from _text(context, ("generate", name), name, each)
        if each.over in gathered:
            yield _of_no_question(context, ("generate", name, "over"), each.over)
    for rows, _, _, source in context.sources():
        for key, used in (("from", source.from_), ("target", source.target)):
            if used is not None and used in gathered:
                yield _of_no_question(context, (*rows, key), used)
    for path, name, stage in context.stages():
        yield from _stage(context, path, name, stage, gathered)


def _of_no_question(context: Context, path: Path, name: str) -> Diagnostic:
    message = f"`{name}` belongs to no question: it is written over several records at once"
    return finding(RULE, context.source.value(path), message, "let a stage read it: `reads`")


def _text(context: Context, path: Path, name: str, given: Generation) -> Iterator[Diagnostic]:
    spec, source = context.experiment, context.source
    if not generations.chain(spec, given.over):
        message = f"`{given.over}` has questions and no texts to gather"
        yield finding(RULE, source.value((*path, "over")), message, "name texts, or a data set with a `trace` column")
    if given.prompt is None:
        message = f"`{name}` needs a prompt of its own, which shows `{given.over}`"
        yield finding(RULE, source.key((*path, "gather")), message, "add `prompt:`")
    elif (text := context.files.get(given.prompt)) is not None and given.over not in shown(text):
        message = f"`{given.prompt}` does not show `{given.over}`, whose records it gathers"
        advice = f"put {{{{ {given.over} }}}} into it"
        yield finding(RULE, source.value((*path, "prompt")), message, advice)
    elif text is not None and (empty := sorted(shown(text) & VARIABLES)):
        message = f"`{empty[0]}` is empty here: each record's question stands beside its text"
        yield finding(RULE, source.value((*path, "prompt")), message, f"leave {{{{ {empty[0]} }}}} out")
    if given.sampling.n != 1:
        message = "of each prompt there is one gathered text"
        yield finding(RULE, source.value((*path, "sampling", "n")), message, "leave `n` out")
    if given.keep.where is not None or given.keep.chooses:
        message = "a gathered text belongs to no question, and has no answer to be kept by"
        yield finding(RULE, source.key((*path, "keep")), message, "leave `keep` out")


def _stage(context: Context, path: Path, name: str, stage: Stage, gathered: list[str]) -> Iterator[Diagnostic]:
    spec = context.experiment
    written = [stage.prompt_of(source) for source in stage.sources]
    written += [stage.train.context] if isinstance(stage.train, Taught) else []
    texts = [context.files.get(each) for each in written if each is not None]
    names = {each for text in texts if text is not None for each in shown(text)}
    taught = {generations.data_of(spec, source.from_) for source in stage.sources}
    for at, read in enumerate(stage.reads):
        span = context.source.value((*path, "reads", at))
        if read not in spec.generate:
            yield misnamed(RULE, span, f"there is no gathered text `{read}`", read, gathered)
        elif read not in gathered:
            message = f"`{read}` is a text of each record, which prompts show by its name without this"
            yield finding(RULE, span, message, "leave it out, or give it `gather`")
        elif (data := generations.data_of(spec, read)) in taught:
            message = f"`{read}` was written from questions of `{data}`, which stage `{name}` practises"
            yield finding(RULE, span, message, "gather texts over another data set")
        elif None not in texts and read not in names:
            message = f"no prompt of stage `{name}` shows `{read}`"
            yield finding(RULE, span, message, f"put {{{{ {read} }}}} into `prompt` or `train.context`")
