"""The model card, README.md of an exported model. Knows what a model came from; not where it lies."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import yaml

from cotspec.export import lineage
from cotspec.front.nodes import Data
from cotspec.ir.plan import Task
from cotspec.spec.payload import DataBody, EvaluateBody, HubData, HubModel, TrainBody
from cotspec.views.diff import escaped, table
from cotspec.views.outcomes import Measured
from cotspec.views.planned import Planned

PROMPT: Final = "prompt.jinja"
"""File of the exported folder with the prompt of the evaluation."""
RECORD: Final = "cotspec.json"
"""File of the exported folder with every task on the way to the model, for programs."""


_MARKUP: Final = re.compile(r"([<>&`*_{}#!|~\[\]\\])")
_ESCAPE: Final = r"\\\1"


class Score(NamedTuple):
    """A model on one set of the evaluation."""

    set: str
    """"" for the only one."""
    model: str
    measured: Measured


class Licence(NamedTuple):
    """Under which terms something is that the model was made of."""

    what: str
    terms: str
    """As the hub calls them (`apache-2.0`); "" where nothing here says it."""


@dataclass(frozen=True, kw_only=True)
class Handed:
    """A model that is handed on."""

    side: Planned
    stage: str
    checkpoint: str
    adapter: bool
    """Adapters alone, to be loaded onto the model they were trained on."""
    scores: Sequence[Score]
    licences: Sequence[Licence]
    terms: str
    """Its own licence; "" leaves it open."""
    packages: Mapping[str, str]
    """Versions of the libraries that trained it, as far as they were noted."""
    version: str
    """Version of cotspec."""

    @property
    def tasks(self) -> list[Task]:
        """On the way to it."""
        return lineage.tasks(self.side, self.stage)

    @property
    def training(self) -> TrainBody:
        """How the stage was trained. Raises TypeError for a stage that is none."""
        body = self.side.tasks[f"stage {self.stage}"].body
        if not isinstance(body, TrainBody):
            raise TypeError(body.kind)
        return body

    @property
    def asked(self) -> EvaluateBody:
        """How it is asked on the headline set: the prompt is one for all models."""
        return next(task.body for task in self.side.tasks.values() if isinstance(task.body, EvaluateBody))


def card(of: Handed) -> str:
    """The whole page."""
    about = of.side.loaded.experiment.about.strip()
    sections = [
        _head(of),
        f"# {_title(of)}",
        *([_quoted(about)] if about else []),
        _what(of),
        _use(of),
        *_results(of),
        "## How it was trained",
        _stages(of),
        "The settings it was made with, as cotspec resolved them:",
        fenced(_yaml(lineage.settings(of.side, of.tasks)), "yaml"),
        "## What it was made of",
        _licences(of),
        *_provenance(of),
    ]
    return "\n\n".join(sections) + "\n"


def record(of: Handed) -> str:
    """The text of RECORD."""
    whole = {
        "cotspec": of.version,
        "experiment": of.side.name,
        "stage": of.stage,
        "checkpoint": of.checkpoint,
        "adapter": of.adapter,
        "packages": dict(of.packages),
        "tasks": lineage.record(of.tasks),
    }
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def _title(of: Handed) -> str:
    return f"{of.side.name}: {of.stage}"


def _head(of: Handed) -> str:
    """What the hub reads."""
    sources = (task.body.source for task in of.tasks if isinstance(task.body, DataBody))
    hub = [source.id for source in sources if isinstance(source, HubData)]
    base = first_model(of)
    told = {
        "license": of.terms or None,
        "base_model": base.id if base else None,
        "base_model_relation": ("adapter" if of.adapter else "finetune") if base else None,
        "datasets": list(dict.fromkeys(hub)) or None,
        "library_name": "peft" if of.adapter else "transformers",
        "pipeline_tag": "text-generation",
        "tags": ["cotspec", "chain-of-thought", "distillation", of.training.kind],
    }
    return f"---\n{_yaml({key: value for key, value in told.items() if value is not None})}---"


def first_model(of: Handed) -> HubModel | None:
    """The model of the hub that the chain of stages began with; None where it was another."""
    starts = (task.body.start for task in of.tasks if isinstance(task.body, TrainBody))
    return next((start for start in starts if isinstance(start, HubModel)), None)


def _what(of: Handed) -> str:
    stages = list(of.side.loaded.experiment.stages)
    place = f"stage `{of.stage}`, {stages.index(of.stage) + 1} of {len(stages)} of the experiment `{of.side.name}`"
    chosen = (
        "" if of.checkpoint == "model" else f" Its gate chose the weights of step {of.checkpoint.rpartition('/')[2]}."
    )
    first = of.side.loaded.experiment.stages[of.stage].start
    adapter = f" These are LoRA adapters of `{first}`, not merged into it." if of.adapter else ""
    return f"A model that answers questions step by step: {place}, trained by {of.training.kind}.{chosen}{adapter}"


def _use(of: Handed) -> str:
    asked, start = of.asked, of.training.start
    turns = (
        f'[{{"role": "system", "content": {json.dumps(start.system, ensure_ascii=False)}}}] + ' if start.system else ""
    )
    arguments = "".join(f", {name}={value!r}" for name, value in start.template.items())
    if start.chat:
        inputs = (
            f'turns = {turns}[{{"role": "user", "content": prompt}}]\n'
            f"inputs = tokenizer.apply_chat_template(\n"
            f'    turns, add_generation_prompt=True, return_dict=True, return_tensors="pt"{arguments}\n)'
        )
    else:
        inputs = 'inputs = tokenizer(prompt, return_tensors="pt")'
    trust = ", trust_remote_code=True" if getattr(start, "trust_remote_code", False) else ""
    code = _CODE.format(
        imports="from peft import PeftModel\n" if of.adapter else "",
        loads=(_ADAPTER if of.adapter else _WHOLE).format(trust=trust),
        inputs=inputs,
        trust=trust,
        most=asked.sampling.max_new_tokens,
    )
    told = [f"`{PROMPT}` is the prompt of its evaluation:", fenced(asked.prompt.rstrip("\n"), "jinja")]
    if asked.sampling.stop.texts or asked.sampling.stop.after:
        told.append("The evaluation ends a text early (`stop` in `cotspec.json`), which this code does not.")
    return "\n\n".join(["## How to ask it", fenced(code.rstrip("\n"), "python"), *told])


_CODE: Final = """\
from pathlib import Path

from jinja2 import Template
{imports}from transformers import AutoModelForCausalLM, AutoTokenizer

folder = Path(".")  # this folder
tokenizer = AutoTokenizer.from_pretrained(folder{trust})
{loads}
template = Template((folder / "prompt.jinja").read_text(), keep_trailing_newline=True)
prompt = template.render(question="What is 17 * 3 + 4?")
{inputs}
output = model.generate(**inputs, max_new_tokens={most}, do_sample=False)
print(tokenizer.decode(output[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True))
"""
_WHOLE: Final = "model = AutoModelForCausalLM.from_pretrained(folder{trust})"
_ADAPTER: Final = """\
base = AutoModelForCausalLM.from_pretrained("…"{trust})  # the model that the adapters belong to
model = PeftModel.from_pretrained(base, folder)"""


def _results(of: Handed) -> Iterator[str]:
    yield "## Results"
    if not any(score.model == of.stage for score in of.scores):
        yield f"`{of.stage}` was not evaluated."
    if of.scores:
        yield table(
            ("set", "model", "accuracy", "95 % interval", "tokens", "well-formed", "questions"),
            (_score(score, of.stage) for score in of.scores),
        )
        yield (
            "Shares and means over all answers. The interval is Wilson's, of several answers a question clustered by "
            "question; answers that cannot be compared with the gold answer count as wrong."
        )


def _score(score: Score, own: str) -> tuple[str, ...]:
    result = score.measured
    name = f"**{score.model}**" if score.model == own else score.model
    accuracy = f"{100 * result.accuracy:.1f} %" + (f" (mean of {result.samples} answers)" if result.samples > 1 else "")
    interval = f"{100 * result.low:.1f} – {100 * result.high:.1f}"
    tokens, formatted = f"{result.tokens:.1f}", f"{100 * result.formatted:.1f} %"
    return (score.set or "test", name, accuracy, interval, tokens, formatted, f"{result.n:,}")


def _stages(of: Handed) -> str:
    """The chain of stages, the first one first."""
    names = [of.side.part_of[task.id].removeprefix("stage ") for task in of.tasks if isinstance(task.body, TrainBody)]
    stages = of.side.loaded.experiment.stages
    return table(
        ("stage", "begins with", "trained by", "task", "learning rate", "epochs", "global batch"),
        (
            (
                name,
                each.start,
                each.train.by,
                each.task,
                f"{each.train.lr:g}",
                f"{each.train.epochs:g}",
                str(each.train.global_batch),
            )
            for name, each in ((name, stages[name]) for name in names)
        ),
    )


def _licences(of: Handed) -> str:
    rows = [(escaped(each.what), escaped(each.terms) or "not known here: see its own page") for each in of.licences]
    own = f"This model: `{of.terms}`." if of.terms else "Nobody has said yet under which licence this model is."
    return f"{table(('what', 'licence'), rows)}\n\n{own}"


def _provenance(of: Handed) -> Iterator[str]:
    yield "## Provenance"
    yield (
        f"Written by cotspec {of.version}. Each task is named by a hash of all that decides its result; `{RECORD}` has "
        "them whole."
    )
    yield table(("task", "what"), ((f"`{task.id}`", escaped(of.side.part_of[task.id])) for task in of.tasks))
    if of.packages:
        yield "Trained with " + ", ".join(f"{name} {version}" for name, version in of.packages.items()) + "."


# --- text in Markdown -------------------------------------------------------------------------------------------------


def fenced(text: str, language: str) -> str:
    """A block of code that its text cannot end."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text.rstrip(chr(10))}\n{fence}"


def _quoted(text: str) -> str:
    """A stranger's words as a quotation, in which no markup is anything else than its letters."""
    return "\n".join(f"> {_MARKUP.sub(_ESCAPE, line)}" for line in text.splitlines())


def _yaml(value: Mapping[str, Data] | Mapping[str, object]) -> str:
    return yaml.safe_dump(dict(value), sort_keys=False, default_flow_style=None, allow_unicode=True, width=100)
