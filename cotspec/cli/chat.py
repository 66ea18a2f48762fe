"""`cotspec chat SPEC[@VARIANT][:MODEL]`: ask a model, see its answer cut into segments, graded and rewarded."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cotspec.cli import findings, project
from cotspec.cli.answering import Answering, Said
from cotspec.cli.errors import ProblemError
from cotspec.cli.selection import SpecError, model_of_work_tree
from cotspec.cli.trained import model_of, stage_of
from cotspec.files import plain

if TYPE_CHECKING:
    from cotspec.preview.canvas import Canvas
    from cotspec.preview.content import Preview
    from cotspec.preview.make import Request
    from cotspec.spec.payload import RewardedBody
    from cotspec.views.asked_model import Asked
    from cotspec.views.planned import Planned

_HELP = """\
a line is a question; Ctrl-C stops an answer, Ctrl-D or /quit ends
/gold ANSWER   the gold answer of the next question
/question N    question N of the evaluation's data
/row N         row N of the stage, with the prompt that it trains on
"""
_LAST: Final = ("/quit", "/exit")


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """The command line, as it was written."""

    spec: str
    name: str
    ask: str | None
    gold: str | None
    question: int | None
    row: int | None
    reward: str
    cpu: bool
    trusted: bool

    @property
    def converses(self) -> bool:
        """Whether a person types what is asked."""
        return self.ask is None and self.question is None and self.row is None


def run(arguments: Arguments) -> int:
    """Return the exit code: 1 when the spec has errors. Raises ProblemError."""
    _refuse(arguments)
    root = project.find_root(Path.cwd())
    try:
        side, name = model_of_work_tree(root, arguments.spec, arguments.name, trusted=arguments.trusted)
    except SpecError:
        return 1
    asked = _asked(side, name)
    if arguments.converses and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise ProblemError("a conversation needs a terminal: give --ask TEXT, --question N or --row N")
    talk = _Talk(root=root, side=side, asked=asked, arguments=arguments)
    begin = talk.prepared()  # a model takes long to load, so first
    with Answering(root, asked, folder=_folder(root, side, asked), cpu=arguments.cpu) as answering:
        talk.answering = answering
        begin()
    return 0


def _refuse(arguments: Arguments) -> None:
    given = [arguments.ask, arguments.question, arguments.row]
    if sum(each is not None for each in given) > 1:
        raise ProblemError("--ask, --question and --row each say what is asked: give one of them")
    if arguments.gold is not None and arguments.ask is None:
        raise ProblemError("--gold goes with --ask; questions of the data and rows have their own")
    if arguments.ask is not None and not arguments.ask.strip():
        raise ProblemError("--ask has no text: say what is asked")


def _asked(side: Planned, name: str) -> Asked:
    from cotspec.diagnostics.suggest import did_you_mean, near
    from cotspec.views.asked_model import NotAskedError, asked

    experiment = side.loaded.experiment
    names = (*experiment.models, *experiment.stages)
    if name and name not in names:
        raise ProblemError(f"`{side.name}` has no model or stage `{name}`: {did_you_mean(near(name, names), names)}")
    try:
        return asked(side, name or tuple(experiment.stages)[-1])
    except NotAskedError as error:
        raise ProblemError(str(error)) from error


def _folder(root: Path, side: Planned, asked: Asked) -> str:
    """Where the weights are, relative to the project; "" for a model that is found by its name."""
    return model_of(root, side, asked.name).folder if asked.stage else asked.file


@dataclass
class _Talk:
    """What is asked, and how answers are shown."""

    root: Path
    side: Planned
    asked: Asked
    arguments: Arguments
    answering: Answering = field(init=False)
    gold: str | None = None

    def prepared(self) -> Callable[[], None]:
        """What the command line asks, or a conversation, once there is a model. Raises ProblemError."""
        given = self.arguments
        if given.reward:
            stage_of(self.side, given.reward)
        if given.row is not None:
            return partial(self._row, *self._made(given.row))
        if given.converses:
            return self.on
        self._reward()
        if given.question is not None:
            return partial(self._question, *_of_data(self.root, self.side, self.asked, given.question))
        return partial(self._say, given.ask or "", given.gold)

    def on(self) -> None:
        """What a person types, until the end of it."""
        print(f"{self.side.name}:{self.asked.name}, asked {self.asked.told}; /help says more")
        for line in _typed():
            if line in _LAST:
                return
            try:
                self._line(line)
            except ProblemError as problem:
                print(problem)
            except KeyboardInterrupt:
                self.answering.stop()
                print("stopped")

    def _line(self, line: str) -> None:
        command, _, rest = line.partition(" ")
        match command:
            case "/gold":
                self.gold = rest.strip() or None
            case "/question" if rest.strip().isdecimal():
                self._question(*_of_data(self.root, self.side, self.asked, int(rest)))
            case "/row" if rest.strip().isdecimal():
                self._row(*self._made(int(rest)))
            case _ if line.startswith("/"):
                print(_HELP, end="")
            case _:
                gold, self.gold = self.gold, None
                self._say(line, gold)

    def _question(self, question: str, gold: str | None) -> None:
        print(f"{question.rstrip()}\n")
        self._say(question, gold)

    def _say(self, question: str, gold: str | None) -> None:
        from cotspec.cot.prompting import PromptError, render

        try:
            prompt = render(self.asked.body.prompt, question=question, trace="")
        except PromptError as error:
            raise ProblemError(str(error)) from error
        reward = self._reward()
        self._show(question, gold, self.answering.ask(prompt), reward)

    def _show(self, question: str, gold: str | None, said: Said, reward: RewardedBody | None) -> None:
        from cotspec.preview import reply

        answer = reply.Reply(question=question, gold=gold, text=said.text, tokens=said.tokens, truncated=said.truncated)
        print(reply.render(answer, self.asked.body.format, reward, _canvas()), end="")

    def _reward(self) -> RewardedBody | None:
        rewarded = self.asked.reward(self.side, self.arguments.reward)
        if self.arguments.reward and rewarded is None:
            raise ProblemError(f"`{self.side.name}` has no stage `{self.arguments.reward}` with a reward")
        return rewarded

    def _made(self, number: int) -> tuple[Request, Preview]:
        """A row of the stage as it trains on it. Raises ProblemError."""
        from cotspec.preview.make import Request
        from cotspec.preview.row import Wanted

        name = self.arguments.reward or self.asked.name
        if name not in self.side.loaded.experiment.stages:
            raise ProblemError(f"`{name}` is no stage, so it has no rows: name one with --reward")
        place, variant = self.side.place, self.side.loaded.variant
        request = Request(spec=place, variant=variant, stage=name, wanted=Wanted(row=number))
        row = self._make(request)
        if row.prompt is None:
            raise ProblemError(f"row {number} of `{name}` is dropped: `cotspec preview` says why")
        return request, row

    def _make(self, request: Request) -> Preview:
        from cotspec.preview.make import make
        from cotspec.preview.stage import PreviewError

        try:
            return make(self.side.sealed.plan, request, root=self.root)
        except PreviewError as error:
            raise ProblemError(str(error)) from error

    def _row(self, request: Request, row: Preview) -> None:
        """What the model writes to the prompt of a row, and what that earns there."""
        from cotspec.preview import text

        said = self.answering.ask((row.prompt or "") + row.begin)
        rewarded = self.asked.reward(self.side, request.stage) is not None
        if rewarded:
            row = self._make(replace(request, response=said.text, whose="model", tokens=said.tokens))
        print(text.render(row, _canvas()), end="")
        if not rewarded:
            print()
            self._show(row.record.question, row.record.answer or None, said, None)


def _of_data(root: Path, side: Planned, asked: Asked, number: int) -> tuple[str, str | None]:
    """A question of the evaluation's data with its gold answer, by its id. Raises ProblemError."""
    from cotspec.history.results import content
    from cotspec.spec.evaluation import sets_of

    sets = sets_of(side.loaded.experiment.evaluate)
    data = next((each for each in sets if asked.name in each.of), sets[0]).data
    questions: dict[int, tuple[str, str | None]] = {}
    for line in (content(root, side.tasks[f"data {data}"].id, "problems.jsonl") or b"").splitlines():
        try:
            read = plain.json_value(line)
            questions[plain.count(read["id"])] = str(read["question"]), str(read["answer"]) or None
        except (plain.DataError, LookupError, TypeError):
            continue
    if not questions:
        raise ProblemError(f"no question of `{data}` has been read: `dvc repro` reads them")
    if number not in questions:
        raise ProblemError(f"there is no question {number} of `{data}`: they are {min(questions)} to {max(questions)}")
    return questions[number]


def _typed() -> Iterator[str]:
    """The lines of a person; the arrow keys bring earlier ones back."""
    import contextlib

    with contextlib.suppress(ImportError):
        import readline  # noqa: F401 - input() uses it
    while True:
        try:
            line = input("\n> ").strip()
        except EOFError:
            print()
            return
        if line:
            yield line


def _canvas() -> Canvas:
    from cotspec.preview.canvas import Canvas

    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 100
    return Canvas(width=max(40, min(width, 120)), colour=findings.colour(sys.stdout), whole=not os.isatty(1))
