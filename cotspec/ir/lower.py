"""Experiment → Draft: names become edges, and everything a spec leaves out gets its value.

Owns which tasks an experiment has and which file each reads. Pure: prompt texts and digests are handed in. It expects a
spec that passed `cotspec.passes.check`; what only shows here is raised as LowerError with its place in the spec.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from cotspec.cot.conditions import asked as asked_texts
from cotspec.cot.conditions import scope, shared
from cotspec.cot.rewards import RewardError, compile_reward, expressions
from cotspec.cot.template import RESPONSE
from cotspec.cot.template import shown as shown_by
from cotspec.ir import bodies, defaults, generations, launches
from cotspec.ir.experiment_source import NOTHING as NOTHING
from cotspec.ir.experiment_source import ExperimentSource as ExperimentSource
from cotspec.ir.experiment_source import LowerError as LowerError
from cotspec.ir.experiment_source import Where
from cotspec.ir.plan import Draft, DraftTask, Read
from cotspec.ir.report_inputs import shown
from cotspec.ir.tasks import PROBLEMS, gated
from cotspec.ir.text_tasks import Texts
from cotspec.spec import experiment as spec
from cotspec.spec import payload
from cotspec.spec.artifact_names import SETTINGS, settings_file
from cotspec.spec.evaluation import AskedSet, AskedSuite, asked_data, sets_of, suites_of
from cotspec.trainers import trainer_of

_ROWS: Final = "rows.jsonl"


class _Judges(NamedTuple):
    """The judges of a stage, the inputs with their weights, and how those behind a server are asked, by name."""

    judges: tuple[payload.Judge, ...]
    reads: Mapping[str, Read]
    servers: Mapping[str, payload.EndpointSettings]


def lower(sources: Iterable[ExperimentSource], digests: Mapping[str, str]) -> Draft:
    """Return the tasks of all experiments, each experiment's producers before its consumers.

    `digests` gives the sha256 of each builtin model. Raises LowerError.
    """
    return Draft(tasks=tuple(task for source in sources for task in _Experiment(source, digests).tasks()))


class _Experiment(Texts):
    """Lowers one experiment. Task names are `<experiment>/<part>/…` and only tie edges together; no id holds them."""

    def tasks(self) -> Iterator[DraftTask]:
        """Yield every task, producers first."""
        made = {task.name: task for task in self._made()}
        for task in made.values():
            if lost := {read.task for read in task.reads.values()} - made.keys() - {""}:
                raise LowerError(f"{task.label.part} reads {min(lost)}, which nothing makes", where=("generate",))
        yield from made.values()
        yield self._report(made)

    def _made(self) -> Iterator[DraftTask]:
        """All tasks of the experiment but its report."""
        for name in self._data_used():
            yield self._data(name)
        yield self._contamination()
        made: set[str] = set()
        for name, stage in self._spec.stages.items():
            for used in (*(source.from_ for source in stage.sources), *stage.reads):
                new_texts = [each for each in reversed(generations.chain(self._spec, used)) if each not in made]
                for text in new_texts:
                    yield from self._texts(text)
                made.update(new_texts)
            yield from self._stage(name, stage)
        for evaluated in sets_of(self._spec.evaluate):
            for name in dict.fromkeys(evaluated.of):
                yield self._evaluate(evaluated, name)
        for suite in suites_of(self._spec.evaluate):
            for name in dict.fromkeys(suite.of):
                yield self._suite(suite, name)

    # --- one method per kind of task ----------------------------------------------------------------------------------

    def _data_used(self) -> tuple[str, ...]:
        used = [*generations.taught(self._spec).values(), *asked_data(self._spec.evaluate).values()]
        if not sets_of(self._spec.evaluate):
            raise LowerError("`evaluate` names no questions", where=("evaluate",))
        if any(_reads_valid(stage) for stage in self._spec.stages.values()):
            used.append(defaults.VALID_DATA)
        for name in used:
            if name not in self._spec.data:
                raise LowerError(f"there is no data set `{name}`", where=("data",))
        return tuple(dict.fromkeys(used))

    def _data(self, name: str) -> DraftTask:
        data = self._spec.data[name]
        body = payload.DataBody.model_construct(
            source=bodies.source(data, self._source.locked), slice=bodies.rows_range(data.slice)
        )
        reads = {} if data.file is None else {"file": self._project_file(data.file, ("data", name, "file"))}
        return self._task(f"data/{name}", body, reads, launch=launches.plain(), label=f"data {name}")

    def _contamination(self) -> DraftTask:
        """What the sets of questions have in common: those that are taught, tested, and validated on."""
        valid, sets = defaults.VALID_DATA, generations.taught(self._spec) | asked_data(self._spec.evaluate)
        if valid in self._data_used() and valid not in sets.values():
            sets["valid"] = valid
        reads = {role: self._read(f"data/{name}", PROBLEMS) for role, name in sets.items()}
        body = payload.ContaminationBody.model_construct()
        return self._task("contamination", body, reads, launch=launches.plain(), label="contamination")

    def _stage(self, name: str, stage: spec.Stage) -> Iterator[DraftTask]:
        yield from self._rows(name, stage)
        if isinstance(stage.train, spec.Taught) and stage.train.precompute:
            yield self._probabilities(name, stage.train, stage.start)
        yield self._train(name, stage)
        if gated(stage):
            yield self._gate(name, stage.advance or spec.Advance.model_construct())

    def _rows(self, name: str, stage: spec.Stage) -> Iterator[DraftTask]:
        label, part = f"rows of stage {name}", f"stages/{name}/rows"
        if not isinstance(stage.rows, spec.Mix):
            if stage.rows.pairs is not None and generations.tries(self._spec, stage.rows.from_) is None:
                yield self._compared(name, stage.rows, stage.rows.pairs)
            yield self._rows_of(name, stage, stage.rows, part=part, label=label)
            return
        seen: Counter[str] = Counter()
        for at, source in enumerate(stage.rows.mix, 1):
            seen[source.from_] += 1
            again = f" ({seen[source.from_]})" if seen[source.from_] > 1 else ""
            yield self._rows_of(name, stage, source, part=f"{part}/{at}", label=f"{label} from {source.from_}{again}")
        body = bodies.mixed(stage.rows, seed=self._spec.seed)
        reads = {f"rows_{at}": self._read(f"{part}/{at}", _ROWS) for at in range(1, len(stage.rows.mix) + 1)}
        yield self._task(part, body, reads, launch=launches.plain(), label=label)

    def _rows_of(self, name: str, stage: spec.Stage, source: spec.RowSource, *, part: str, label: str) -> DraftTask:
        task, written = stage.task_of(source), stage.prompt_of(source)
        hides = task in ("reconstruct", "complete")
        texts = generations.of_record(self._spec, source, pairs=stage.pairs is not None)
        supervised = bodies.loss_on(stage, self._format)
        body = payload.RowsBody.model_construct(
            by=trainer_of(stage.train).row_kind(stage.train),
            begin=stage.begin,
            task=task,
            format=self._format,
            prompt=bodies.prompt(self._prompt(written, task, ("stages", name, "prompt")), texts, stage.reads),
            mask=bodies.mask(stage.mask if hides or task == stage.task else None),
            shuffle=stage.shuffle and (hides or task == stage.task),
            loss_on=supervised,
            loss_when=bodies.loss_when(stage, generations.asked_texts(self._spec, stage)) if supervised else {},
            epochs=stage.train.epochs,
            slice=bodies.rows_range(source.slice),
            seed=self._spec.seed,
            context=bodies.prompt(self._context(name, stage.train), texts, stage.reads),
            **self._aim(stage, source),
            measures=self._measures(name, stage),
            shows=self._shows(name, stage),
        )
        role, read = self._records(name, stage, source)
        gathered = {shared(at): self._read(f"texts/{each}", "gathered.jsonl") for at, each in enumerate(stage.reads)}
        return self._task(part, body, {role: read, **gathered}, launch=launches.plain(), label=label)

    def _aim(self, stage: spec.Stage, source: spec.RowSource) -> dict[str, Any]:
        """Which of the texts of its records rows are made of, and of which records; pairs have been made of theirs, and
        a failure is a record of the text that was tried."""
        if stage.pairs is not None or generations.tries(self._spec, source.from_) is not None:
            return {}
        where, _ = generations.condition(self._spec, source.from_, source.where)
        return {"target": generations.depth(self._spec, source), "where": where}

    def _measures(self, name: str, stage: spec.Stage) -> tuple[str, ...]:
        """What a reward, and the loss on completions, ask about the texts of a row."""
        if stage.reward is None:
            return ()
        texts, form = generations.asked_texts(self._spec, stage), self._format.form
        reward, when = bodies.reward(stage.reward, texts), bodies.loss_when(stage, texts)
        names = asked_texts((*expressions(reward), *when.values()))
        try:
            compiled = compile_reward(reward, form, (*names, *sorted(stage.judges)))
        except RewardError as error:
            raise LowerError(str(error), where=("stages", name, "reward", *error.place)) from error
        asked = {measure for measure, _ in compiled.measures}
        if when:
            from cotspec.cot import loss  # here: most losses have no conditions

            asked.update(*(loss.asked(each, form) for each in when.values()))
        return tuple(sorted(asked & scope(names, form).keys()))

    def _judges(self, name: str, stage: spec.Stage) -> _Judges:
        """Who else is asked about completions, by name, and what comes with them."""
        judges, reads, servers = list[payload.Judge](), dict[str, Read](), dict[str, payload.EndpointSettings]()
        for called, given in sorted(stage.judges.items()):
            where: Where = ("stages", name, "judges", called)
            model = self._asked(given.by, (*where, "by"))
            text = self._prompt(given.prompt, "solve", (*where, "prompt"))
            texts = generations.asked_texts(self._spec, stage)
            judge = bodies.judge(called, given, model=model.ref, text=text, trace=self._format, texts=texts)
            judges.append(judge)
            roles = {"model": judge.role, "gate": f"{judge.role}_gate"}
            reads |= {roles[role]: read for role, read in model.reads.items()}
            if isinstance(model.ref, payload.EndpointModel):
                servers[called] = model.launch.settings.endpoint
        return _Judges(tuple(judges), reads, servers)

    def _shows(self, name: str, stage: spec.Stage) -> tuple[str, ...]:
        """What judges are shown of a row."""
        judges = self._judges(name, stage).judges
        return tuple(sorted({each for judge in judges for each in shown_by(judge.prompt)} - {RESPONSE}))

    def _records(self, name: str, stage: spec.Stage, source: spec.RowSource) -> tuple[str, Read]:
        """The input of rows, and what it is."""
        tried = generations.tries(self._spec, source.from_) is not None
        if stage.pairs is not None:
            return "pairs", self._read(f"pairs/{source.from_}" if tried else f"stages/{name}/pairs", "pairs.jsonl")
        if not generations.chain(self._spec, source.from_):
            return "problems", self._read(f"data/{source.from_}", PROBLEMS)
        made = "failures" if tried else "traces"
        return made, self._read(f"kept/{source.from_}", f"{made}.jsonl")

    def _compared(self, name: str, source: spec.RowSource, pairs: spec.Pairs) -> DraftTask:
        """Pairs of texts that are not tries."""
        where = ("stages", name, "rows", "pairs", "better")
        better, problems = generations.better(self._spec, source, pairs)
        if problems:
            raise LowerError(problems[0].message, where=where)
        body = payload.CompareBody.model_construct(
            format=self._format,
            better=better,
            gap=pairs.gap,
            most=pairs.most,
            target=generations.depth(self._spec, source),
        )
        reads = {"rollouts": self._read(f"texts/{source.from_}", "rollouts.jsonl")}
        return self._task(f"stages/{name}/pairs", body, reads, launch=launches.plain(), label=f"pairs of stage {name}")

    def _context(self, name: str, train: spec.Train) -> str:
        """What a teacher reads in place of the student's prompt; "" for nothing else."""
        if not isinstance(train, spec.Taught) or train.context is None:
            return ""
        return self._prompt(train.context, "solve", ("stages", name, "train", "context"))

    def _probabilities(self, name: str, train: spec.Taught, start: str) -> DraftTask:
        """What a stage's teacher says of its rows, once for all that train on them."""
        at = "teacher" if train.other else None
        weights = self._weights(train.other or start, ("stages", name, *(("train", at) if at else ("start",))))
        body = payload.ProbabilitiesBody.model_construct(
            model=weights.ref, top_k=train.top_k, precision=train.precision
        )
        reads = {"rows": self._read(f"stages/{name}/rows", _ROWS), **weights.reads}
        launch = launches.generation(self._spec.resources)
        part, label = f"stages/{name}/probabilities", f"probabilities of stage {name}"
        return self._task(part, body, reads, launch=launch, label=label)

    def _train(self, name: str, stage: spec.Stage) -> DraftTask:
        weights = self._weights(stage.start, ("stages", name, "start"))
        try:
            launch = launches.training(self._spec.resources, stage=name, train=stage.train)
        except launches.BatchError as error:
            where = ("stages", name, "train", "global_batch")
            raise LowerError(f"stage `{name}`: {error}", where=where) from error
        if "reward" in trainer_of(stage.train).needs and stage.reward is None:
            raise LowerError(f"stage `{name}` trains by {stage.train.by} without a reward", where=("stages", name))
        teacher, more = self._teacher(name, stage.train)
        judges = self._judges(name, stage)
        carried = any(s.start == name and s.train.optimizer == "carried" for s in self._spec.stages.values())
        body = bodies.training(
            stage,
            start=weights.ref,
            teacher=teacher,
            trace=self._format,
            seed=self._spec.seed,
            keeps_optimizer=carried,
            texts=generations.asked_texts(self._spec, stage),
            judges=judges.judges,
        )
        reads = {"rows": self._read(f"stages/{name}/rows", _ROWS), **weights.reads, **more, **judges.reads}
        if isinstance(body, payload.TaughtBody) and body.precompute:
            reads["probabilities"] = self._read(f"stages/{name}/probabilities", "")
        launch = launches.judged(launch, judges.servers)
        return self._task(f"stages/{name}/train", body, reads, launch=launch, label=f"stage {name}")

    def _gate(self, name: str, advance: spec.Advance) -> DraftTask:
        generates = _reads_valid(self._spec.stages[name])
        asked = sets_of(self._spec.evaluate)[0]
        body = payload.GateBody.model_construct(
            checkpoint=bodies.checkpoint(advance),
            require=tuple(self._requirement(name, metric, text) for metric, text in sorted(advance.require.items())),
            otherwise=advance.otherwise,
            **bodies.chat(self._first(name)),
            trust_remote_code=self._first(name).trust_remote_code,
            prompt=self._prompt(asked.prompt, "solve", asked.at("prompt")) if generates else "",
            sampling=bodies.sampling(asked.sampling, trace=self._format) if generates else defaults.NO_SAMPLING,
            format=self._format,
            seed=self._seed(asked.sampling) if generates else 0,
        )
        reads = {"stage": self._read(f"stages/{name}/train", "")}
        if generates:
            reads["problems"] = self._read(f"data/{defaults.VALID_DATA}", PROBLEMS)
        launch = launches.generation(self._spec.resources) if generates else launches.plain()
        return self._task(f"stages/{name}/gate", body, reads, launch=launch, label=f"way out of stage {name}")

    def _requirement(self, stage: str, metric: str, text: str) -> payload.Requirement:
        try:
            return bodies.requirement(metric, text)
        except ValueError as error:
            where = ("stages", stage, "advance", "require", metric)
            raise LowerError(str(error), where=where) from error

    def _evaluate(self, asked: AskedSet, name: str) -> DraftTask:
        writer = self._asked(name, (*asked.at("of"), asked.of.index(name)))
        body = payload.EvaluateBody.model_construct(
            model=writer.ref,
            prompt=self._prompt(asked.prompt, "solve", asked.at("prompt")),
            sampling=bodies.sampling(asked.sampling, trace=self._format),
            format=self._format,
            seed=self._seed(asked.sampling),
        )
        reads = {"problems": self._read(f"data/{asked.data}", PROBLEMS), **writer.reads}
        part = "/".join(filter(None, (asked.name, name)))
        return self._task(f"evaluate/{part}", body, reads, launch=writer.launch, label=asked.evaluation_of(name))

    def _suite(self, asked: AskedSuite, name: str) -> DraftTask:
        weights = self._weights(name, ("evaluate", "suites", asked.name, "of"))
        body = payload.SuiteBody.model_construct(
            model=weights.ref,
            tasks=asked.given.tasks,
            shots=defaults.OWN_SHOTS if asked.given.shots is None else asked.given.shots,
            limit=asked.given.limit or 0,
            version=asked.given.version or "",
            seed=self._spec.seed,
        )
        launch = launches.generation(self._spec.resources)
        part, label = f"suite/{asked.name}/{name}", asked.suite_of(name)
        return self._task(part, body, weights.reads, launch=launch, label=label)

    def _report(self, made: Mapping[str, DraftTask]) -> DraftTask:
        labels = tuple(dict.fromkeys(self._spec.evaluate.of))
        stages, sets = self._behind(labels), tuple(_table(asked) for asked in sets_of(self._spec.evaluate))
        suites = tuple(
            payload.ReportSuite.model_construct(name=asked.name, labels=tuple(dict.fromkeys(asked.of)))
            for asked in suites_of(self._spec.evaluate)
        )
        body = payload.ReportBody.model_construct(
            name=self._source.name,
            about=self._spec.about,
            labels=labels,
            stages=stages,
            sets=tuple(table for table in sets if table.name),
            suites=suites,
        )
        reads = {
            table.role(label): self._read(table.role(label).replace(".", "/"), "metrics.json")
            for table in sets
            for label in table.labels
        }
        reads |= {f"stage.{name}": self._read(f"stages/{name}/train", "metrics.json") for name in stages}
        reads |= {
            suite.role(label): self._read(suite.role(label).replace(".", "/"), "suite.json")
            for suite in suites
            for label in suite.labels
        }
        reads["contamination"] = self._read("contamination", "contamination.json")
        reads |= shown(made, reads, within=self._name(""))
        reads[f"spec/{SETTINGS}"] = Read(task="", file=settings_file(self._source.name))
        return self._task("report", body, reads, launch=launches.plain(), label="report")

    def _behind(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """The stages that made what is called so: themselves, those they descend from, and those that taught or judged
        them, in the order of the spec."""
        behind: set[str] = set()
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            if name in self._spec.stages and name not in behind:
                behind.add(name)
                stage = self._spec.stages[name]
                waiting += [stage.start, *([stage.train.other] if stage.train.other else [])]
                waiting += [judge.by for judge in stage.judges.values()]
        return tuple(name for name in self._spec.stages if name in behind)

    def _seed(self, sampling: spec.Sampling) -> int:
        """Greedy text does not depend on the seed: runs with different seeds share a greedy evaluation of one model."""
        return self._spec.seed if sampling.temperature > 0 else 0


def _table(asked: AskedSet) -> payload.ReportTable:
    return payload.ReportTable.model_construct(name=asked.name, labels=tuple(dict.fromkeys(asked.of)))


def _reads_valid(stage: spec.Stage) -> bool:
    """Whether the way out of a stage measures something on `data.valid`."""
    if stage.advance is None:
        return False
    best = stage.advance.checkpoint.best if isinstance(stage.advance.checkpoint, spec.Best) else ""
    return any(metric.startswith("valid.") for metric in (best, *stage.advance.require))
