"""The tasks of texts: those that are written, what their filters keep, and tries at the questions of others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cotspec.ir import bodies, defaults, generations, launches
from cotspec.ir.plan import DraftTask, Read
from cotspec.ir.tasks import PROBLEMS, TRACES, Tasks
from cotspec.spec import experiment as spec
from cotspec.spec import payload


class Texts(Tasks):
    """An experiment that is lowered."""

    def _texts(self, name: str) -> Iterator[DraftTask]:
        """Texts are written by one task and filtered by another: another filter writes nothing anew."""
        given = self._spec.generate.get(name)
        if given is None:
            yield self._kept(name, spec.Keep.model_construct(), {"problems": self._read(f"data/{name}", PROBLEMS)})
            return
        if generations.tries(self._spec, name) is not None:
            yield from self._tries(name, given)
            return
        yield self._written(name, given)
        if generations.kept_is_read(self._spec, name):
            yield self._kept(name, given.keep, {"rollouts": self._read(f"texts/{name}", "rollouts.jsonl")})

    def _written(self, name: str, given: spec.Generation) -> DraftTask:
        writer = self._asked(given.by, ("generate", name, "by"))
        values: dict[str, Any] = {
            "model": writer.ref,
            "sampling": bodies.sampling(given.sampling, trace=self._format),
            "seed": self._spec.seed,
        }
        leaning, more = self._tilt(name, given)
        if given.gather is None:
            values["tilt"] = leaning
        if generations.over_texts(self._spec, name) is None:
            body: payload.GenerateBody = payload.TeachBody.model_construct(prompt=self._writers_prompt(name), **values)
            reads = {"problems": self._read(f"data/{given.over}", PROBLEMS)}
        else:
            prompt = bodies.prompt(self._writers_prompt(name), generations.chain(self._spec, given.over))
            values |= {"prompt": prompt, "slice": bodies.rows_range(given.slice)}
            if given.gather is None:
                revise = self._weights(given.revise, ("generate", name, "revise")) if given.revise else None
                body = payload.TextBody.model_construct(**values, revise=() if revise is None else (revise.ref,))
                given_reads = {} if revise is None else revise.reads
                more |= {"revise" if key == "model" else "revise_gate": at for key, at in given_reads.items()}
            else:
                body = payload.GatherBody.model_construct(**values, size=given.gather)
            reads = {"traces": self._read(f"kept/{given.over}", TRACES)}
        reads = {**reads, **writer.reads, **more}
        launch = launches.with_other_models(writer.launch) if given.others else writer.launch
        return self._task(f"texts/{name}", body, reads, launch=launch, label=f"generation {name}")

    def _tilt(self, name: str, given: spec.Generation) -> tuple[tuple[payload.Leaning, ...], dict[str, Read]]:
        """Who leans on what is drawn, and the inputs with their weights."""
        made, reads = list[payload.Leaning](), dict[str, Read]()
        if given.tilt is None:
            return (), {}
        for role, other in given.tilt.named.items():
            weights = self._weights(other, ("generate", name, "tilt", role))
            weight = given.tilt.scale if role == "toward" else -given.tilt.scale
            leaning = payload.Leaning.model_construct(role=role, model=weights.ref, weight=weight)
            made.append(leaning)
            reads |= {f"{leaning.input}{'' if key == 'model' else '_gate'}": at for key, at in weights.reads.items()}
        return tuple(made), reads

    def _kept(self, name: str, keep: spec.Keep, reads: Mapping[str, Read]) -> DraftTask:
        wanted, best = generations.filter_of(self._spec, name), keep.best
        body = payload.TracesBody.model_construct(
            format=self._format,
            answer="correct" if wanted.correct else "any",
            at_least=wanted.at_least,
            at_most=defaults.NO_LIMIT if wanted.at_most is None else wanted.at_most,
            pick=bodies.pick(keep.pick, seed=self._spec.seed),
            where=wanted.rest,
            distinct=keep.distinct or "",
            most=keep.most,
            best_by="" if best is None else generations.best(self._spec, name, best)[0],
            best_n=0 if best is None else best.n,
        )
        return self._task(f"kept/{name}", body, reads, launch=launches.plain(), label=f"traces {name}")

    def _tries(self, name: str, given: spec.Generation) -> Iterator[DraftTask]:
        """The questions of a generation, tried: what is failed, or right and wrong answers, as the stages ask."""
        writer = self._asked(given.by, ("generate", name, "by"))
        prompt = self._prompt(given.prompt, "solve", ("generate", name, "prompt"))
        values: dict[str, Any] = {
            "model": writer.ref,
            "prompt": bodies.prompt(prompt, (given.over,)),
            "sampling": bodies.sampling(given.sampling, trace=self._format, n=1),
            "attempts": given.sampling.n,
            "slice": bodies.rows_range(given.slice),
            "format": self._format,
            "seed": self._spec.seed,
        }
        reads, launch = {"traces": self._read(f"kept/{given.over}", TRACES), **writer.reads}, writer.launch
        asked = [stage for stage, each in generations.sources(self._spec) if each.from_ == name]
        failed = generations.filter_of(self._spec, name).failed
        if failed and any(stage.pairs is None for stage in asked):
            body: payload.TryBody = payload.MineBody.model_construct(**values, keep=failed)
            yield self._task(f"kept/{name}", body, reads, launch=launch, label=f"generation {name}")
        if any(stage.pairs is not None for stage in asked):
            body = payload.PairsBody.model_construct(**values)
            yield self._task(f"pairs/{name}", body, reads, launch=launch, label=f"pairs {name}")
