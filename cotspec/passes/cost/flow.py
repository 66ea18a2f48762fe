"""How much goes through each task: questions, traces, rows, tokens, from what earlier runs left or from the spec.

Knows tasks and their edges; not what a number of tokens costs. Every answer says where it comes from.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from cotspec.ir.plan import Read, Task
from cotspec.passes.cost.amounts import Quantity
from cotspec.passes.cost.architecture import Model, of_name
from cotspec.passes.cost.facts import Facts, Lines
from cotspec.passes.cost.published import ROWS
from cotspec.passes.cost.speech import CHARACTERS, Speech, lengths, of_lines, template
from cotspec.passes.cost.words import count
from cotspec.spec import payload

UNKNOWN: Final = Quantity(None, "")


class Rows(NamedTuple):
    """What a stage trains on: the rows of all epochs and the tokens of one, None before anything tells their length."""

    total: Quantity
    prompt: float | None = None
    target: float | None = None
    """Also None for grpo, which writes its own."""
    longest: float | None = None
    """Tokens of the longest row."""
    text: str = ""
    """Where prompt and target come from."""


class Asked(NamedTuple):
    """What a generating task is asked for."""

    requests: Quantity
    prompt: Quantity
    """Tokens of a prompt."""
    completion: Quantity
    """Mean tokens of a completion."""
    longest: float
    """Tokens after which the last of a batch has ended."""


class Flow:
    """Answers for the tasks of one plan; each is worked out once."""

    def __init__(self, tasks: Mapping[str, Task], facts: Facts) -> None:
        self._tasks, self._facts = tasks, facts
        self._models: dict[str, Model | None] = {}
        self._speeches: dict[str, Speech | None] = {}
        self._rows: dict[str, Rows] = {}
        self._counts: dict[str, Quantity] = {}
        self._asked: dict[str, Asked] = {}

    # --- models -------------------------------------------------------------------------------------------------------

    def model(self, task: Task) -> Model | None:
        """The model a task loads; None when nothing tells its size."""
        if task.id not in self._models:
            self._models[task.id] = self._model(task)
        return self._models[task.id]

    def _model(self, task: Task) -> Model | None:
        body = task.body
        if isinstance(body, payload.GateBody):
            return self._made(task.reads["stage"])
        if isinstance(body, payload.SftBody | payload.GrpoBody):
            ref = body.start
        elif isinstance(body, payload.TeachBody | payload.MineBody | payload.EvaluateBody):
            ref = body.model
        else:
            return None
        if isinstance(ref, payload.InputModel):
            return self._made(task.reads["model"])
        found = self._facts.model(ref)
        return of_name(ref.id) if found is None and isinstance(ref, payload.HubModel) else found

    def _made(self, read: Read) -> Model | None:
        """A model in a folder: a stage has the shape it began with, and its own number format."""
        if not read.task:
            return self._facts.model(read)
        maker = self._tasks.get(read.task)
        if maker is None or not isinstance(maker.body, payload.SftBody | payload.GrpoBody):
            return None
        start = self.model(maker)
        if start is None or start.dtype == maker.body.precision:
            return start
        return start._replace(dtype=maker.body.precision)

    def maker(self, task: Task, role: str) -> Task | None:
        """The task that makes an input; None for a file of the project or no such input."""
        return self._tasks.get(task.reads[role].task) if role in task.reads else None

    # --- counts -------------------------------------------------------------------------------------------------------

    def questions(self, task: Task) -> Quantity:
        """Problems of a data task, or traces of a traces task: what it hands on."""
        if task.id not in self._counts:
            self._counts[task.id] = self._question_count(task)
        return self._counts[task.id]

    def _question_count(self, task: Task) -> Quantity:
        match task.body:
            case payload.DataBody() as body:
                found = self._facts.lines(Read(task.id, "problems.jsonl"))
                return _seen(found, "questions") if found else cut(self._source(task, body), body.slice)
            case payload.TracesBody():
                found = self._facts.lines(Read(task.id, "traces.jsonl"))
                return _seen(found, "traces") if found else self._at_most_one_each(task)
            case _:
                return UNKNOWN

    def _source(self, task: Task, body: payload.DataBody) -> Quantity:
        match body.source:
            case payload.BuiltinData(size=size):
                return Quantity(size, f"{size:,} questions (the spec's `size`)")
            case payload.HubData(id=name, config=config, split=split):
                size = ROWS.get((name, config, split)) or 0
                told = f"{size:,} questions (published size of {name}, {split})"
                return Quantity(size, told) if size else Quantity(None, f"the size of {name} is not known")
            case _:
                found = self._facts.lines(task.reads["file"])
                return _seen(found, "questions") if found else UNKNOWN

    def _at_most_one_each(self, task: Task) -> Quantity:
        teach = self.maker(task, "rollouts")
        data = self.maker(teach, "problems") if teach else None
        if data is None:
            return UNKNOWN
        asked = self.questions(data)
        return Quantity(asked.value, f"at most one trace for each of {asked.text}", "at most")

    def failures(self, task: Task) -> Quantity:
        """Records a mining task hands on: at most all it tries."""
        found = self._facts.lines(Read(task.id, "failures.jsonl"))
        if found:
            return _seen(found, "failures")
        tried = self.tried(task)
        return Quantity(tried.value, f"failures: at most all of {tried.text}", "at most")

    def tried(self, task: Task) -> Quantity:
        """Questions a mining task tries."""
        body, traces = task.body, self.maker(task, "traces")
        if traces is None or not isinstance(body, payload.MineBody):
            return UNKNOWN
        return cut(self.questions(traces), body.slice)

    # --- tokens -------------------------------------------------------------------------------------------------------

    def speech(self, task: Task) -> Speech | None:
        """The traces of the teacher behind a task; None before it has run, or when there is no teacher behind it."""
        if task.id not in self._speeches:
            self._speeches[task.id] = self._speech(task)
        return self._speeches[task.id]

    def _speech(self, task: Task) -> Speech | None:
        match task.body:
            case payload.TracesBody():
                found = of_lines(self._facts.lines(Read(task.id, "traces.jsonl")), "trace")
                if found:
                    return found
            case payload.TeachBody():
                return of_lines(self._facts.lines(Read(task.id, "rollouts.jsonl")), "text")
            case _:
                pass
        makers = (self._tasks.get(read.task) for read in task.reads.values() if read.task)
        return next((found for maker in makers if maker and (found := self.speech(maker))), None)

    def rows(self, task: Task) -> Rows:
        """The rows that a training task, or a rows task, is about."""
        maker = self.maker(task, "rows") if "rows" in task.reads else task
        if maker is None or not isinstance(maker.body, payload.RowsBody):
            return Rows(UNKNOWN)
        if maker.id not in self._rows:
            self._rows[maker.id] = self._rows_of(maker, maker.body)
        return self._rows[maker.id]

    def _rows_of(self, task: Task, body: payload.RowsBody) -> Rows:
        found, speech = self._facts.lines(Read(task.id, "rows.jsonl")), self.speech(task)
        if found:
            return _measured_rows(found, speech)
        total = self._row_count(task, body)
        if speech is None:
            return Rows(total)
        shown = 0.0 if body.task == "solve" else speech.tokens
        prompt = (template(body.prompt) + speech.question) / speech.ratio + shown
        target = speech.tokens if body.by == "sft" else None
        longest = prompt + (speech.longest if target else 0.0) + (speech.longest - speech.tokens if shown else 0.0)
        parts = f"prompt of template, question{' and trace' if shown else ''}{', target a trace' if target else ''}"
        return Rows(total, prompt, target, longest, f"{parts}: {speech.text}")

    def _row_count(self, task: Task, body: payload.RowsBody) -> Quantity:
        role = "failures" if "failures" in task.reads else "traces"
        maker = self.maker(task, role)
        if maker is None:
            return UNKNOWN
        records = self.failures(maker) if role == "failures" else cut(self.questions(maker), body.slice)
        if records.value is None or body.epochs == 1:
            return records
        return Quantity(records.value * body.epochs, f"{records.text} × {body.epochs} epochs", records.limit)

    def asked(self, task: Task) -> Asked:
        """What a generating task has to do."""
        if task.id not in self._asked:
            self._asked[task.id] = self._ask(task)
        return self._asked[task.id]

    def _ask(self, task: Task) -> Asked:
        body = task.body
        match body:
            case payload.TeachBody():
                return self._told(task, body.sampling, self._problems(task), ("rollouts.jsonl", body.prompt))
            case payload.MineBody():
                tries = self.tried(task)
                return self._told(task, body.sampling, _times(tries, body.attempts, "attempts"), ("", body.prompt))
            case payload.EvaluateBody():
                return self._told(task, body.sampling, self._problems(task), ("predictions.jsonl", body.prompt))
            case payload.GateBody():
                return self._told(task, body.sampling, self._problems(task), ("", body.prompt))
            case _:
                return Asked(UNKNOWN, UNKNOWN, UNKNOWN, 0.0)

    def _problems(self, task: Task) -> Quantity:
        maker = self.maker(task, "problems")
        sampling = getattr(task.body, "sampling", None)
        samples = sampling.n if isinstance(sampling, payload.Sampling) else 1
        return UNKNOWN if maker is None else _times(self.questions(maker), samples, "samples")

    def _told(self, task: Task, sampling: payload.Sampling, requests: Quantity, told: tuple[str, str]) -> Asked:
        file, prompt = told
        own = self._facts.lines(Read(task.id, file)) if file else None
        speech = self.speech(task)
        completion, longest = lengths(sampling.max_new_tokens, own, speech)
        return Asked(requests, self._prompt(task, prompt, speech), completion, longest)

    def completions(self, task: Task, most: int, log: str) -> tuple[Quantity, float]:
        """Tokens of a completion in training; a log has means of steps, so the longest is not in it."""
        speech, own = self.speech(task), self._facts.lines(Read(task.id, log))
        mean, _ = lengths(most, own, speech)
        return mean, min(speech.longest if speech else most, most)

    def _prompt(self, task: Task, text: str, speech: Speech | None) -> Quantity:
        question = self.question(task)
        if question is None:
            return Quantity(None, "prompts are not counted: no question has been read yet")
        ratio = speech.ratio if speech else CHARACTERS
        tokens = (template(text) + question) / ratio
        assumed = "" if speech else f" at {CHARACTERS:g} characters a token (assumed)"
        return Quantity(tokens, f"prompts of {count(tokens)} tokens{assumed}")

    def question(self, task: Task) -> float | None:
        """Mean characters of the questions behind a task."""
        speech = self.speech(task)
        if speech:
            return speech.question
        own = Read(task.id, "problems.jsonl") if isinstance(task.body, payload.DataBody) else None
        read = own or task.reads.get("problems")
        found = self._facts.lines(read) if read else None
        return found.chars.get("question") if found else None


def cut(total: Quantity, slice: payload.Range) -> Quantity:
    """What a slice leaves."""
    if slice.first == 0 and slice.end < 0:
        return total
    told = f"slice [{slice.first:,}, {'end' if slice.end < 0 else f'{slice.end:,}'})"
    if total.value is None:
        width = None if slice.end < 0 else float(slice.end - slice.first)
        return Quantity(width, f"{told} of an unknown number", "at most")
    end = total.value if slice.end < 0 else min(total.value, slice.end)
    left = max(0.0, end - slice.first)
    return Quantity(left, f"{count(left)} in {told} of {total.text}", total.limit)


def _times(quantity: Quantity, factor: int, what: str) -> Quantity:
    if factor == 1 or quantity.value is None:
        return quantity
    return Quantity(quantity.value * factor, f"{quantity.text} × {factor} {what}", quantity.limit)


def _seen(lines: Lines, what: str) -> Quantity:
    return Quantity(lines.total, f"{lines.total:,} {what} ({lines.file})")


def _measured_rows(lines: Lines, speech: Speech | None) -> Rows:
    """Rows that are there: their texts are measured in characters, and the teacher tells how many a token has."""
    ratio = speech.ratio if speech else CHARACTERS
    told = f"{ratio:.2f} characters a token, {'as the teacher writes' if speech else 'assumed'}"
    return Rows(
        total=_seen(lines, "rows"),
        prompt=lines.chars.get("prompt", 0.0) / ratio,
        target=lines.chars["target"] / ratio if "target" in lines.chars else None,
        longest=(lines.longest.get("prompt", 0.0) + lines.longest.get("target", 0.0)) / ratio,
        text=f"mean of {lines.looked:,} of them, {told}",
    )
