"""`cotspec results` and `cotspec status`: every experiment with its state, accuracy, tokens and deltas to its base."""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal

from cotspec.cli import beside_results, findings, project, queue
from cotspec.cli.errors import ProblemError
from cotspec.cli.selection import Named, named
from cotspec.files import plain

if TYPE_CHECKING:
    from cotspec.compiler import Checked
    from cotspec.driver import Unit
    from cotspec.history.results import Standing
    from cotspec.slurm import Queued
    from cotspec.spec.evaluation import AskedSet
    from cotspec.views.flips import Answer
    from cotspec.views.outcomes import Measured, Outcome, State
    from cotspec.views.planned import Planned


NO_MODELS: Final[Mapping[str, str]] = MappingProxyType({})
_BESIDE = ("seed", "name", "about", "resources", "allow")


def run(
    specs: Sequence[str],
    *,
    output: Literal["text", "csv", "json", "markdown"],
    base: str | None = None,
    page: Path | None = None,
) -> int:
    """Return the exit code: 1 when a spec has errors. `base` is compared with in place of each experiment's own; `page`
    is a file, or a folder, for a page in place of what is printed. A variant named alone stands beside its base. Raises
    ProblemError."""
    from cotspec.views import results

    root = project.find_root(Path.cwd())
    given = named(root, specs, models=True)
    models = _models(given)
    checked = _checked(root, given)
    if checked is None:
        return 1
    units = given.of(checked.units)
    _refuse_unmeasured(units, models)
    bases = {} if base is None else _bases(base, checked)
    first = next(iter(bases.values()), None)
    beside = {unit.name for unit in units} | {*bases.values()}
    beside |= set() if bases else {unit.loaded.experiment.name for unit in units}
    checked = checked.of([unit for unit in checked.units if unit.name in beside])
    outcomes = outcomes_of(root, checked, models=models)
    outcomes = [replace(each, base=bases.get(each.seed, first)) for each in outcomes] if first else outcomes
    if page is not None:
        _write(page, outcomes, checked)
        return 0
    match output:
        case "text":
            print(results.text(outcomes, colour=findings.colour(sys.stdout), width=findings.width(sys.stdout)), end="")
        case "csv":
            findings.for_programs(results.as_csv(outcomes))
        case "json":
            findings.as_json(results.records(outcomes))
        case "markdown":
            print(results.markdown(outcomes), end="")
    return 0


def _models(given: Named) -> dict[str, str]:
    """By spec, the model that is asked for in place of the last one. Raises ProblemError."""
    models: dict[str, str] = {}
    for each in given.selections:
        if models.setdefault(each.place, each.model) != each.model:
            raise ProblemError(
                f"results shows one model of each spec, and {each.place} is named with several: `cotspec compare` "
                "shows two beside each other, and the report of an experiment has all"
            )
    return {place: name for place, name in models.items() if name}


def _refuse_unmeasured(units: Sequence[Unit], models: Mapping[str, str]) -> None:
    """Raises ProblemError for a model that no experiment of its spec evaluates."""
    from cotspec.diagnostics.suggest import did_you_mean, near
    from cotspec.spec.evaluation import sets_of

    for place, name in models.items():
        own = [unit for unit in units if unit.place == place]
        there = [each for unit in own for asked in sets_of(unit.loaded.experiment.evaluate) for each in asked.of]
        if name not in there:
            advice = did_you_mean(near(name, there), dict.fromkeys(there))
            raise ProblemError(f"`{own[0].name}` does not evaluate `{name}`: {advice}")


def _bases(base: str, checked: Checked) -> dict[int, str]:
    """The experiment that is called so, or those of one over seeds, by seed: others are compared with that of their own
    seed, where there is one, and else with the first. Raises ProblemError."""
    from cotspec.diagnostics.suggest import did_you_mean, near
    from cotspec.views.seeds import without_seed

    seeds = {unit.name: unit.loaded.experiment.seed for unit in checked.units}
    names = {name: without_seed(name, seed) for name, seed in seeds.items()}
    if base in names:
        return {seeds[base]: base}
    if found := {seeds[name]: name for name, group in names.items() if group == base}:
        return found
    known = dict.fromkeys([*names, *names.values()])
    hint = did_you_mean(near(base, known), known)
    raise ProblemError(f"there is no experiment `{base}` among these" + (f": {hint}" if hint else ""))


def _write(page: Path, outcomes: Sequence[Outcome], checked: Checked) -> None:
    """One file that a browser shows."""
    from cotspec.views import results_page

    root = project.find_root(Path.cwd())
    file = page / "results.html" if page.is_dir() else page
    if file.suffix.lower() not in (".html", ".htm"):
        raise ProblemError(f"{file} is no name of a page: end it with `.html` (specs stand before `--html`)")
    if file.resolve().is_relative_to(root / "generated"):
        raise ProblemError(f"{file} lies where builds and runs write: name another folder")
    text = results_page.page(
        outcomes,
        lambda outcome, ids: _texts(root, outcome, ids),
        title="Results",
        spent=beside_results.spent(root, checked),
        settings=list(beside_results.settings(checked)),
    )
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ProblemError(f"cannot write {file}: {error.strerror}") from error
    print(f"{file}: {max(1, round(file.stat().st_size / 1e3)):,} kB, for a browser")


def _texts(root: Path, outcome: Outcome, ids: Collection[int]) -> dict[int, Answer]:
    """The answers of an evaluation to some questions; what a file does not say is not there."""
    from cotspec.history.results import content

    answers: dict[int, Answer] = {}
    for line in (content(root, outcome.task, "predictions.jsonl") or b"").splitlines():
        if (read := said(line)) is not None and read[0] in ids:
            answers.setdefault(*read)
    return answers


def said(line: bytes) -> tuple[int, Answer] | None:
    """A question and an answer to it, as a line of an evaluation has them; None for what is no such line: whoever
    read its marks said so."""
    from cotspec.views.flips import Answer

    try:
        read = plain.json_value(line)
        told = {name: _text(read[name]) for name in ("question", "answer", "text")}
        right, tokens = _truth(read["correct"]), plain.count(read["tokens"])
        answer = Answer(question=told["question"], gold=told["answer"], text=told["text"], right=right, tokens=tokens)
        return plain.count(read["id"]), answer
    except (ValueError, TypeError, LookupError):
        return None


def collected(specs: Sequence[str], *, queued: bool = False) -> list[Outcome] | None:
    """What every experiment has come to, also what SLURM says of it; None after findings were shown. Raises
    ProblemError."""
    root = project.find_root(Path.cwd())
    given = named(root, specs)
    checked = _checked(root, given)
    if checked is None:
        return None
    wanted = checked.of(given.of(checked.units))
    return outcomes_of(root, wanted, jobs=_jobs(root, wanted, given) if queued else None)


def _checked(root: Path, given: Named) -> Checked | None:
    """All experiments of the specs; None after findings were shown."""
    from cotspec.compiler import check_specs
    from cotspec.diagnostics import Sink

    sink = Sink()
    checked = check_specs(given.specs, sink)
    if checked is None:
        findings.show(sink, stream=sys.stderr)
        return None
    findings.tell_damage(root)
    return checked


def outcomes_of(
    root: Path,
    checked: Checked,
    *,
    jobs: Sequence[Queued] | None = None,
    models: Mapping[str, str] = NO_MODELS,
) -> list[Outcome]:
    """What every experiment of a plan has come to; `jobs`: what SLURM has, where it was asked; `models`: by spec, whose
    figures those are, if not the last's."""
    from cotspec.history.results import standings as standings_of
    from cotspec.views.planned import planned

    standings = standings_of(root, checked.sealed.plan)
    sides = planned(checked.units, checked.sealed).values()
    outcomes = (
        (side, outcome) for side in sides for outcome in _outcomes(root, side, standings, models.get(side.place))
    )
    if jobs is None:
        return [outcome for _, outcome in outcomes]
    return [_with_jobs(outcome, queue.told(root, side.tasks, standings, jobs)) for side, outcome in outcomes]


def _jobs(root: Path, checked: Checked, given: Named) -> tuple[Queued, ...] | None:
    """What SLURM has; where it cannot be asked that is said, and what is in the project is told all the same."""
    try:
        jobs = queue.jobs(root, checked.sealed.tasks.values())
        if not given.selections:
            queue.tell_others([job for job in jobs or () if job.task not in checked.sealed.tasks])
        return jobs
    except ProblemError as error:
        print(f"warning: {error}\nwhat SLURM has of this project is not shown", file=sys.stderr)
        return None


def _with_jobs(outcome: Outcome, told: queue.Told) -> Outcome:
    """With what SLURM knows of its tasks, which may be at work on another machine."""
    state = told.state if told.state and outcome.state in ("part", "never", "interrupted") else outcome.state
    return replace(outcome, state=state, notes=(*outcome.notes, *told.notes))


def _outcomes(root: Path, side: Planned, standings: Mapping[str, Standing], model: str | None) -> Iterator[Outcome]:
    """One for each set of the evaluation, the headline first; where a model is named, for each that asks it."""
    from cotspec.spec.evaluation import sets_of

    figures = tuple(beside_results.figures(root, side, standings))
    for asked in sets_of(side.loaded.experiment.evaluate):
        if model and model not in asked.of:
            continue
        yield replace(_outcome(root, side, standings, asked, model or asked.of[-1]), figures=figures)
        figures = ()  # of the experiment, and told once


def _outcome(root: Path, side: Planned, standings: Mapping[str, Standing], asked: AskedSet, model: str) -> Outcome:
    from cotspec.views.outcomes import Outcome

    ids = {task.id for task in side.tasks.values()}  # parts may share one
    student = side.loaded.experiment.first_model(model)
    return Outcome(
        name=side.name,
        variant=side.loaded.variant,
        base=side.loaded.experiment.name,
        state=_state({standings[id].state for id in ids}),
        done=sum(standings[id].state == "reuse" for id in ids),
        total=len(ids),
        set=asked.name,
        seed=side.loaded.experiment.seed,
        alike=_but_for_the_seed(side),
        family=side.loaded.family_name,
        axes=side.loaded.axes,
        model=model,
        task=side.tasks[asked.evaluation_of(model)].id,
        student=measured(root, side, asked, student, standings) if student != model and student in asked.of else None,
        last=measured(root, side, asked, model, standings),
        limit=_limit(side, asked),
        notes=tuple(_notes(root, side, standings)),
    )


def _limit(side: Planned, asked: AskedSet) -> str:
    """What to do where answers were cut, in words of the spec."""
    path = asked.at("sampling")
    key = ".".join((*map(str, path), "max_new_tokens"))
    advice = f"raise `{key}`, now {asked.sampling.max_new_tokens}"
    if path in side.loaded.source.values:
        return advice
    return f"{advice}, with `temperature: 0` beside it (a `sampling` that is written has other defaults)"


def _but_for_the_seed(side: Planned) -> str:
    """All that decides an experiment's results besides its seed."""
    said = {key: value for key, value in side.data().items() if key not in _BESIDE}
    return json.dumps([Path(side.place).parent.as_posix(), said])


def _notes(root: Path, side: Planned, standings: Mapping[str, Standing]) -> Iterator[str]:
    """Rows that stages left out, and stages that learnt little or nothing."""
    from cotspec.cot import signal
    from cotspec.history.results import content

    for name in side.loaded.experiment.stages:
        id = side.tasks[f"stage {name}"].id
        metrics = content(root, id, "metrics.json") if standings[id].state == "reuse" else None
        try:
            numbers = signal.numbers(plain.json_value(metrics or b"{}"))
        except plain.DataError:
            continue  # whoever reads its weights says so
        yield from (f"{name}: {note}" for note in signal.notes(numbers))


def _state(states: Collection[str]) -> State:
    if set(states) == {"reuse"}:
        return "done"
    named: tuple[State, ...] = ("unfinished merge", "running", "failed gate")
    for state in named:
        if state in states:
            return state
    if "resume" in states:
        return "interrupted"
    return "part" if "reuse" in states else "never"


def _marks(lines: Sequence[Mapping[str, object]]) -> dict[int, list[bool]]:
    """Which answers to each problem are right."""
    marks: dict[int, list[bool]] = {}
    for line in lines:
        marks.setdefault(plain.count(line["id"]), []).append(_truth(line["correct"]))
    return marks


def _passed(given: Mapping[str, object]) -> tuple[float, float, float]:
    low, high = plain.number(given["low"], -1, 1), plain.number(given["high"], 0, 2)
    return plain.number(given["share"], 0, 1), low, high


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError(value)
    return value


def measured(
    root: Path, side: Planned, asked: AskedSet, model: str, standings: Mapping[str, Standing]
) -> Measured | None:
    """An evaluation whose result counts."""
    from cotspec.back import places
    from cotspec.history.results import content
    from cotspec.views.outcomes import Measured

    id = side.tasks[asked.evaluation_of(model)].id
    if standings[id].state != "reuse":
        return None
    metrics, predictions = (content(root, id, name) for name in ("metrics.json", "predictions.jsonl"))
    if metrics is None:
        return None
    try:
        read = plain.json_value(metrics)
        lines = [plain.json_value(line) for line in (predictions or b"").splitlines()]
        return Measured(
            n=plain.count(read["n"]),
            accuracy=plain.number(read["accuracy"], 0, 1),
            low=plain.number(read["accuracy_low"], -1, 1),
            high=plain.number(read["accuracy_high"], 0, 2),
            tokens=plain.number(read["tokens"]),
            formatted=plain.number(read["formatted"], 0, 1),
            truncated=plain.number(read.get("truncated", 0), 0, 1),
            right={id: sum(marks) / len(marks) for id, marks in _marks(lines).items()},
            samples=plain.count(read.get("samples", 1)),
            passed=_passed(read["pass_at"][-1]) if "pass_at" in read else None,
        )
    except (ValueError, TypeError, LookupError) as error:
        place = f"{places.stage_folder(id)}/{places.OUT}"
        raise ProblemError(f"{place} does not hold what an evaluation writes: remove it and run `dvc repro`") from error
