"""How much goes through each task: sequences and tokens, from what earlier runs left, else from the spec.

Knows tasks and their edges; not what a token costs. Everything has an expected value, the most it can be, and words
that say where it comes from. Until a text has been read, its length is assumed: a bound alone helps nobody plan.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from cotspec.estimate.counts import CHARACTERS, Count, best, cut, length, mixed
from cotspec.estimate.facts import Facts, Lines, Selected
from cotspec.estimate.model_size import Model, of_name
from cotspec.estimate.published import ROWS
from cotspec.ir.plan import Read, Task
from cotspec.spec import payload
from cotspec.trainers import trainer_of
from cotspec.trainers.trainer import Effort

# Assumed until something has been read; the words of an estimate then say "assumed".
_TRACE: Final = 300.0
"""Tokens of a chain of thought (GSM8K: 170 to 350 with models of 3 to 14 B, arXiv 2602.17686 and its traces)."""
_QUESTION: Final = 80.0
"""Tokens of a question that nobody has read yet."""
_WORKED: Final = 3.0
"""Characters of a worked solution in a token: digits are tokens (R1's traces of GSM8K 3.0, the set's answers 2.3)."""
_FAILED: Final = 0.1
"""Share of questions that a model under training still gets wrong in every attempt (568 of 6,128 in the paper)."""
_PAIRED: Final = 0.3
"""Share of questions that it answers right in some attempts and wrong in others."""
_LONGEST: Final = 2.0
"""The longest text of a batch against the mean."""
_HANDED: Final = MappingProxyType(
    {
        "data": "problems",
        "text": "rollouts",
        "traces": "traces",
        "mine": "failures",
        "pairs": "pairs",
        "compare": "pairs",
        "rows": "rows",
        "mix": "rows",
    }
)
"""Kind of task → the file of lines that it hands on."""
_WRITTEN: Final = MappingProxyType(
    {"traces": ("traces", "trace"), "teach": ("rollouts", "text"), "text": ("rollouts", "text")}
)
"""Kind of task → the file of the texts that it hands on, and where a line has one."""
_SHARES: Final = MappingProxyType({"mine": _FAILED, "pairs": _PAIRED})


class Texts(NamedTuple):
    """What a teacher's traces are like: mean tokens of a question and of a trace, characters in a token."""

    question: float
    tokens: float
    longest: float
    ratio: float
    text: str


class Load(NamedTuple):
    """What goes through a task: sequences, each with a prompt that is read and text that is written or learnt."""

    sequences: float
    prompt: float
    new: float
    longest: float
    """The longest `new` of a batch: others wait for it, or are padded to it."""
    text: str
    batches: float = 0.0
    """Optimizer steps of training."""

    @property
    def tokens(self) -> float:
        """Tokens of all sequences."""
        return self.sequences * (self.prompt + self.new)


class Work:
    """Answers for the tasks of one plan; each is worked out once."""

    def __init__(self, tasks: Mapping[str, Task], facts: Facts) -> None:
        self._tasks, self._facts = tasks, facts
        self._models: dict[str, Model | None] = {}
        self._texts: dict[str, Texts | None] = {}
        self._counts: dict[str, Count | None] = {}
        self._loads: dict[str, tuple[Load, Load] | None] = {}

    # --- models -------------------------------------------------------------------------------------------------------

    def model(self, task: Task) -> Model | None:
        """The model a task loads; None when nothing tells its size."""
        if task.id not in self._models:
            self._models[task.id] = self._model(task)
        return self._models[task.id]

    def server(self, task: Task) -> tuple[str, str] | None:
        """The server, and its name for the model, that a task asks; None for a task that loads its model."""
        ref = task.body.model if isinstance(task.body, payload.GenerateBody) else None
        return (ref.url, ref.name) if isinstance(ref, payload.EndpointModel) else None

    def _model(self, task: Task) -> Model | None:
        body = task.body
        if isinstance(body, payload.GateBody):
            return self._made(task.reads["stage"])
        ref = getattr(body, "start", None) or getattr(body, "model", None)
        if ref is None or isinstance(ref, payload.EndpointModel):
            return None
        if isinstance(ref, payload.InputModel):
            return self._made(task.reads["model"])
        return self._named(ref)

    def _named(self, ref: payload.HubModel | payload.BuiltinModel) -> Model | None:
        model = self._facts.model(ref)
        return of_name(ref.id) if model is None and isinstance(ref, payload.HubModel) else model

    def asked(self, task: Task) -> Model | None:
        """The model that scores texts without a gradient: the teacher where there is one, else the model itself."""
        ref = task.body.teacher if isinstance(task.body, payload.TaughtBody) else None
        if ref is None or isinstance(ref, payload.FirstWeights):
            return self.model(task)
        return self._made(task.reads["teacher"]) if isinstance(ref, payload.InputModel) else self._named(ref)

    def asked_model(self, task: Task, model: payload.AskedRef, role: str) -> Model | None:
        """What is known of a model that a task asks besides its own, which is its input `role` where a task made it."""
        if isinstance(model, payload.EndpointModel):
            return None
        return self._made(task.reads[role]) if isinstance(model, payload.InputModel) else self._named(model)

    def _made(self, read: Read) -> Model | None:
        """A model in a folder: a stage has the shape it began with, and its own number format."""
        if not read.task:
            return self._facts.model(read)
        maker = self._tasks.get(read.task)
        start = self.model(maker) if maker else None
        precision = getattr(maker.body, "precision", "") if maker else ""
        return start._replace(dtype=precision) if start and precision else None

    def _maker(self, task: Task, role: str) -> Task | None:
        """The task that makes an input; None for a file of the project or no such input."""
        return self._tasks.get(task.reads[role].task) if role in task.reads else None

    # --- how many -----------------------------------------------------------------------------------------------------

    def records(self, task: Task) -> Count | None:
        """Lines that a task hands on: problems, traces, failures, rows; None when nothing tells."""
        if task.id not in self._counts:
            self._counts[task.id] = self._there(task) or self._planned(task)
        return self._counts[task.id]

    def _there(self, task: Task) -> Count | None:
        name = _HANDED.get(kind_of(task))
        lines = self._facts.lines(Read(task.id, f"{name}.jsonl")) if name else None
        return Count(lines.total, lines.total, f"{lines.total:,} {name} ({lines.file})") if lines else None

    def _planned(self, task: Task) -> Count | None:
        match task.body:
            case payload.DataBody() as body:
                return cut(self._source(task, body), body.slice)
            case payload.TracesBody() as body:
                inputs, written = self._asked(task), self._samples(task)
                every = written if body.pick.kind == "all" else min(body.most, written)
                of_each = "one trace" if every == 1 else f"{every} traces"
                kept = inputs and inputs._replace(
                    expected=inputs.expected * every,
                    most=inputs.most * every,
                    text=f"at most {of_each} for each of {inputs.text}",
                )
                return best(kept, body.best_n) if kept and body.best_by else kept
            case payload.TextBody() as body:
                inputs = cut(self._input(task, "traces"), body.slice)
                return inputs and inputs.times(body.samples, f"{body.samples} texts")
            case payload.CompareBody() as body:
                inputs = self._asked(task)
                return inputs and inputs._replace(
                    expected=inputs.expected * _PAIRED,
                    most=inputs.most * body.most,
                    text=f"{_PAIRED:.0%} (assumed) of {inputs.text}",
                )
            case payload.MixBody() as body:
                return mixed([self._input(task, f"rows_{at}") for at in range(1, len(body.parts) + 1)], body)
            case payload.TryBody() as body:
                tried, share = cut(self._input(task, "traces"), body.slice), _SHARES[kind_of(task)]
                told = tried and f"{share:.0%} (assumed) of {tried.text}"
                return tried and Count(tried.expected * share, tried.most, told or "")
            case payload.RowsBody() as body:
                (role,) = task.reads
                rows = cut(self._input(task, role), body.slice)
                if rows and (selected := self._selected(task, body)):
                    told = f"{selected.share:.0%} (by their condition) of {rows.text}"
                    rows = Count(rows.expected * selected.share, rows.most, told)
                return rows and rows.times(body.epochs, f"{body.epochs} epochs")
            case _:
                return None

    def _selected(self, task: Task, body: payload.RowsBody) -> Selected | None:
        """What the condition of rows leaves, where the texts that it is about are there already."""
        maker = self._maker(task, next(iter(task.reads))) if body.where else None
        sources = (maker, self._maker(maker, "problems")) if maker else ()
        selections = (self._facts.selected(each, body) for each in sources if each)
        return next((each for each in selections if each), None)

    def _asked(self, task: Task) -> Count | None:
        """The records that the texts were written over which a task reads."""
        writer = self._maker(task, "rollouts")
        if writer is None or not isinstance(writer.body, payload.GenerateBody):
            return self._input(task, "problems")
        asked = self._input(writer, writer.body.asks)
        return cut(asked, writer.body.slice) if isinstance(writer.body, payload.TextBody) else asked

    def _samples(self, task: Task) -> int:
        """How many texts were written over each record."""
        writer = self._maker(task, "rollouts")
        return writer.body.samples if writer is not None and isinstance(writer.body, payload.GenerateBody) else 1

    def _input(self, task: Task, role: str) -> Count | None:
        maker = self._maker(task, role)
        return self.records(maker) if maker else None

    def _source(self, task: Task, body: payload.DataBody) -> Count | None:
        match body.source:
            case payload.BuiltinData(size=size):
                return Count(size, size, f"{size:,} questions (the spec's `size`)")
            case payload.HubData(id=name, config=config, split=split):
                published = ROWS.get((name, config, split))
                return Count(published, published, f"{published:,} questions of {name}") if published else None
            case _:
                lines = self._facts.lines(task.reads["file"])
                return Count(lines.total, lines.total, f"{lines.total:,} questions ({lines.file})") if lines else None

    # --- how long -----------------------------------------------------------------------------------------------------

    def texts(self, task: Task) -> Texts | None:
        """The teacher's traces behind a task; None before the teacher has run, or without one."""
        if task.id not in self._texts:
            self._texts[task.id] = self._find_texts(task)
        return self._texts[task.id]

    def _find_texts(self, task: Task) -> Texts | None:
        name, field = _WRITTEN.get(kind_of(task), ("", ""))
        own = _texts(self._facts.lines(Read(task.id, f"{name}.jsonl")), field) if name else None
        if isinstance(task.body, payload.DataBody):
            return _texts(self._facts.given(task), "trace")
        makers = (self._tasks.get(read.task) for read in task.reads.values() if read.task)
        return own or next((texts for maker in makers if maker and (texts := self.texts(maker))), None)

    def load(self, task: Task) -> tuple[Load, Load] | None:
        """What is expected to go through a task that trains or generates, and the most that can; None when the number
        of its sequences is not known."""
        if task.id not in self._loads:
            self._loads[task.id] = self._load(task)
        return self._loads[task.id]

    def _load(self, task: Task) -> tuple[Load, Load] | None:
        match task.body:
            case payload.TrainBody() as body:
                return self._given(task, body) if body.drawn is None else self._on_policy(task, body, body.drawn)
            case payload.GateBody() as body if "problems" in task.reads:
                asked, candidates = self._input(task, "problems"), self._candidates(task)
                return asked and self._generation(task, body, asked.times(candidates, f"{candidates} candidates"))
            case payload.GatherBody() as body:
                asked = cut(self._input(task, body.asks), body.slice)
                return asked and self._generation(task, body, asked.times(1 / body.size, f"1/{body.size}"))
            case payload.GenerateBody() as body:
                asked = self._input(task, body.asks)
                asked = cut(asked, body.slice) if isinstance(body, payload.TryBody | payload.TextBody) else asked
                return asked and self._generation(task, body, asked.times(body.samples, f"{body.samples} samples"))
            case _:
                return None

    def _candidates(self, task: Task) -> int:
        """Models a task generates with: a gate that picks the best on validation asks every candidate."""
        body, stage = task.body, self._maker(task, "stage")
        checkpoint = body.checkpoint if isinstance(body, payload.GateBody) else None
        loads = self.load(stage) if stage and isinstance(checkpoint, payload.Best) else None
        if loads is None or not isinstance(checkpoint, payload.Best) or not checkpoint.metric.startswith("valid."):
            return 1
        return 1 + int((loads[0].batches - 1) // checkpoint.every)

    def _given(self, task: Task, body: payload.TrainBody) -> tuple[Load, Load] | None:
        rows = self._input(task, "rows")
        if rows is None:
            return None
        prompt, target, told = self._row(task)
        length = min(prompt + target, body.max_length)
        longest = min(prompt + _LONGEST * target, body.max_length)
        texts, most = self._effort(body).sequences, float(body.max_length)
        expected = Load(rows.expected * texts, 0.0, length, longest, told, rows.expected / body.global_batch)
        return expected, Load(rows.most * texts, 0.0, most, most, rows.text, rows.most / body.global_batch)

    def _effort(self, body: payload.TrainBody) -> Effort:
        return trainer_of(body).effort(body, vllm=False)

    def _on_policy(self, task: Task, body: payload.TrainBody, drawn: payload.Sampling) -> tuple[Load, Load] | None:
        rows = self._input(task, "rows")
        if rows is None:
            return None
        batch, effort = trainer_of(body).batch(body), self._effort(body)
        most = float(drawn.max_new_tokens)
        prompt, _, told = self._row(task)
        new, longest, length = self._written(task, most, "log")
        room = max(1.0, body.max_length - most)

        def load(count: float, prompt: float, new: float, longest: float) -> Load:
            used = count // batch.rows * batch.rows  # rows that fill no batch are not used
            words = f"group {effort.sequences}, {told}, {length}"
            return Load(used * effort.sequences, prompt, new, longest, words, used / batch.rows * batch.uses)

        return load(rows.expected, min(prompt, room), new, longest), load(rows.most, room, most, most)

    def _generation(
        self, task: Task, body: payload.GenerateBody | payload.GateBody, requests: Count
    ) -> tuple[Load, Load]:
        most, texts = float(body.sampling.max_new_tokens), self.texts(task)
        file = {"teach": "rollouts", "text": "rollouts", "evaluate": "predictions"}.get(kind_of(task), "")
        new, longest, told = self._written(task, most, file)
        prompt = length(body.prompt) + self._question(task, texts)
        if isinstance(body, payload.GatherBody):
            prompt += (body.size - 1) * self._question(task, texts) + body.size * (texts.tokens if texts else _TRACE)
        told = f"{requests.text}, prompts of {prompt:,.0f} tokens, {told}"
        return Load(requests.expected, prompt, new, longest, told), Load(requests.most, prompt, most, most, told)

    def _written(self, task: Task, most: float, file: str) -> tuple[float, float, str]:
        """Mean and longest tokens of what is generated: as it was, as the teacher's, or as assumed."""
        own = self._facts.lines(Read(task.id, f"{file}.jsonl")) if file else None
        texts = self.texts(task)
        if own and "tokens" in own.means:
            mean = min(own.means["tokens"], most)
            longest = own.largest["tokens"] if file != "log" else _LONGEST * mean  # a log has means of steps
            return mean, min(longest, most), f"{mean:,.0f} tokens (mean in {own.file})"
        mean = min(texts.tokens if texts else _TRACE, most)
        longest = min(texts.longest if texts else _LONGEST * _TRACE, most)
        return mean, longest, f"{mean:,.0f} tokens ({f'as in {texts.text}' if texts else 'assumed'})"

    def _row(self, task: Task) -> tuple[float, float, str]:
        """Mean tokens of prompt and target of the rows behind a training task, and where they come from."""
        maker = self._maker(task, "rows")
        body = maker.body if maker else None
        if maker is None or not isinstance(body, payload.RowsBody):
            return _QUESTION, _TRACE, "rows of unknown length (assumed)"
        texts, rows = self.texts(maker), self.records(maker)
        rows_file, ratio = self._facts.lines(Read(maker.id, "rows.jsonl")), texts.ratio if texts else CHARACTERS
        if rows_file:
            target = rows_file.chars.get("target", rows_file.chars.get("chosen", 0))
            return rows_file.chars.get("prompt", 0) / ratio, target / ratio, f"rows of {rows_file.file}"
        trace = texts.tokens if texts else _TRACE
        if selected := self._selected(maker, body):
            trace *= selected.length
        shown = 0.0 if body.task == "solve" else trace
        prompt = length(body.prompt) + self._question(maker, texts) + shown
        origin = f"{rows.text if rows else 'rows'}, traces of {trace:,.0f} tokens"
        return prompt, trace, f"{origin} ({texts.text if texts else 'assumed'})"

    def _question(self, task: Task, texts: Texts | None) -> float:
        """Mean tokens of a question."""
        if texts:
            return texts.question
        read, maker = task.reads.get("problems"), self._maker(task, "problems")
        lines = self._facts.lines(read) if read else None
        lines = lines or (self._facts.given(maker) if maker else None)
        return lines.chars["question"] / CHARACTERS if lines and "question" in lines.chars else _QUESTION


def kind_of(task: Task) -> str:
    """The kind of a task, as its body says it."""
    return str(getattr(task.body, "kind"))  # noqa: B009 - every concrete body has it, the base has not


def generates(task: Task) -> bool:
    """Whether a task asks a model for texts."""
    validates = isinstance(task.body, payload.GateBody) and "problems" in task.reads
    return validates or isinstance(task.body, payload.GenerateBody)


def trains(task: Task) -> bool:
    """Whether a task makes a model."""
    return isinstance(task.body, payload.TrainBody)


def _texts(lines: Lines | None, field: str) -> Texts | None:
    if lines is None or not lines.chars.get(field):
        return None
    question = lines.chars.get("question", _QUESTION * CHARACTERS)
    tokens = lines.means.get("tokens")
    if not tokens:  # nobody has counted those of texts that were there already
        tokens, longest = lines.chars[field] / _WORKED, lines.longest[field] / _WORKED
        told = f"{lines.file}, {_WORKED:g} characters a token"
        return Texts(question / CHARACTERS, tokens, longest, _WORKED, told)
    ratio = lines.chars[field] / tokens
    return Texts(question / ratio, tokens, lines.largest["tokens"], ratio, lines.file)
