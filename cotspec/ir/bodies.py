"""Parts of a spec → parts of a body, one function per part. Knows nothing of tasks, names or edges.

Everything is made with `model_construct`: it comes from a spec that was validated, and types are checked here, so a
second validation would find nothing and take as long as all rules (tests/ir/test_bodies.py validates every body).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, Literal, assert_never

from cotspec.cot import template
from cotspec.cot.conditions import called, renamed, shared
from cotspec.cot.openers import closer
from cotspec.ir import defaults
from cotspec.spec import experiment as spec
from cotspec.spec import payload, trainer
from cotspec.spec.base import Slice
from cotspec.spec.endpoints import same
from cotspec.spec.lock import Key, pinned
from cotspec.trainers import trainer_of

ModelRef = payload.HubModel | payload.BuiltinModel | payload.InputModel
AskedRef = ModelRef | payload.EndpointModel

_REQUIREMENT: Final = re.compile(r"(<=|>=|==|!=|<|>)\s*(-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)")


def trace_format(trace: Mapping[str, spec.Segment]) -> payload.TraceFormat:
    """The openers, and the form where a segment says more than how it begins, or is none of the usual ones, or where an
    answer is named and no steps: usual texts have some."""
    written = {name: each for name, each in trace.items() if each.model_fields_set}
    own = not written.keys() <= spec.USUAL.keys() or any(map(_says_more, written.values()))
    own = own or ("answer" in written and "step" not in written)
    return payload.TraceFormat.model_construct(
        thinking=trace["thinking"].opens,
        step=trace["step"].opens,
        answer=trace["answer"].opens,
        form=tuple(_segment(name, each) for name, each in written.items()) if own else (),
    )


def _says_more(given: spec.Segment) -> bool:
    more = given.model_fields_set - {"opens"}  # mostly nothing, and this is asked some forty times for each spec
    return any(getattr(given, name) != spec.Segment.model_fields[name].default for name in more)


def _segment(name: str, given: spec.Segment) -> payload.SegmentFormat:
    return payload.SegmentFormat.model_construct(
        name=name,
        opens=given.opens,
        closes=closer(given.opens) if given.closes is None else given.closes,
        label=given.label or (),
        grade=given.grade or name == "answer",
        when=given.when or "",
        many=given.many or name == "step",
    )


def sampling(given: spec.Sampling, *, trace: payload.TraceFormat, n: int | None = None) -> payload.Sampling:
    """How text is drawn; `n` in place of the spec's own number of samples."""
    return payload.Sampling.model_construct(
        n=given.n if n is None else n,
        temperature=given.temperature,
        top_p=given.top_p,
        top_k=given.top_k,
        max_new_tokens=given.max_new_tokens,
        stop=_stop(given.stop, trace),
    )


def _stop(given: spec.Stop | None, trace: payload.TraceFormat) -> payload.Stop:
    """What ends a completion; which text does so first does not depend on their order."""
    if given is None:
        return payload.Stop.model_construct()
    texts = tuple(sorted(set(given.texts)))
    if given.after is None:
        return payload.Stop.model_construct(texts=texts)
    usual = payload.UsualFormat.model_construct(thinking=trace.thinking, step=trace.step, answer=trace.answer)
    return payload.Stop.model_construct(texts=texts, after=given.after, format=usual)


def chat(model: spec.Model) -> dict[str, Any]:
    """How a model is talked to, as keywords of whatever names it in a body."""
    return {"chat": model.chat, "system": model.system or "", "template": dict(sorted(model.template.items()))}


def endpoint(model: spec.Model, given: spec.Endpoint) -> payload.EndpointModel:
    """A model behind a server; which variable holds its key is no part of it."""
    return payload.EndpointModel.model_construct(
        name=given.model,
        url=same(given.url or ""),
        served=given.served or "",
        request=dict(sorted(given.request.items())),
        **chat(model),
    )


def rows_range(given: Slice | None) -> payload.Range:
    """Rows [first, end)."""
    return defaults.WHOLE if given is None else payload.Range.model_construct(first=given[0], end=given[1])


def source(data: spec.Data, locked: Mapping[Key, str]) -> payload.HubData | payload.BuiltinData | payload.FileData:
    """Where questions come from; `locked` are the entries of the project's lock."""
    answer = data.answer
    if not isinstance(answer, spec.AnswerField):
        answer = spec.AnswerField.model_construct(field=answer or "")
    if data.hub is not None:
        wanted = data.revision or defaults.HUB_REVISION
        return payload.HubData.model_construct(
            id=data.hub,
            config=defaults.HUB_CONFIG if data.config is None else data.config,
            split=data.split or defaults.SPLIT,
            revision=pinned(locked, "data", data.hub, wanted),
            question=_columns(data.question),
            answer=answer.field,
            answer_after=answer.after or "",
            trace=_columns(data.trace or ""),
            answer_boxed=answer.boxed,
            max_bad_rows=data.max_bad_rows,
        )
    if data.builtin is not None:
        return payload.BuiltinData.model_construct(
            name=data.builtin,
            split=data.split or defaults.SPLIT,
            size=data.size or defaults.BUILTIN_SIZE,
            seed=data.seed,
            steps=data.steps,
            trace="" if data.trace is None else data.trace if isinstance(data.trace, str) else data.trace[0],
        )
    return payload.FileData.model_construct(
        question=_columns(data.question),
        answer=answer.field,
        answer_after=answer.after or "",
        trace=_columns(data.trace or ""),
        answer_boxed=answer.boxed,
        max_bad_rows=data.max_bad_rows,
    )


def _columns(given: str | tuple[str, ...]) -> payload.Columns:
    """A column, or several; a list of one is that one."""
    return given if isinstance(given, str) or len(given) > 1 else given[0]


def pick(given: Literal["first", "shortest", "longest", "all"] | spec.MixedPick, *, seed: int) -> payload.Pick:
    """Which of several good rollouts is kept; only a draw has a seed."""
    if isinstance(given, spec.MixedPick):
        return payload.Pick.model_construct(kind="mixed", shortest=given.shortest, seed=seed)
    return payload.Pick.model_construct(kind=given, shortest=0.0, seed=0)


def prompt(text: str, texts: tuple[str, ...], gathered: tuple[str, ...] = ()) -> str:
    """A prompt as a body has it: the texts of a record, which it reads by their names in the spec, nearest first, have
    the names that they have in conditions; gathered ones are numbered."""
    names = {name: called(depth) for depth, name in enumerate(texts)}
    return template.renamed(text, names | {name: shared(at) for at, name in enumerate(gathered)})


def judge(
    name: str, given: spec.Judge, *, model: AskedRef, text: str, trace: payload.TraceFormat, texts: tuple[str, ...]
) -> payload.Judge:
    """A judge with the text of its prompt; `texts` are those of a row, nearest first."""
    drawn = sampling(given.sampling, trace=trace)
    return payload.Judge.model_construct(name=name, model=model, prompt=prompt(text, texts), sampling=drawn)


def mixed(given: spec.Mix, *, seed: int) -> payload.MixBody:
    """How rows of several sources follow each other; only a draw has a seed."""
    return payload.MixBody.model_construct(
        parts=tuple(
            payload.MixPart.model_construct(
                share=each.share or 0.0, run=(each.run or 1) if given.order == "alternate" else 0
            )
            for each in given.mix
        ),
        order=given.order,
        seed=seed if given.order == "shuffled" else 0,
    )


def optim(train: spec.Train) -> payload.Optim:
    """AdamW and its schedule."""
    return payload.Optim.model_construct(
        lr=train.lr,
        schedule=train.schedule,
        warmup_steps=train.warmup_steps or 0,
        warmup_ratio=train.warmup_ratio or 0.0,
        weight_decay=train.weight_decay,
        max_grad_norm=train.max_grad_norm,
    )


def lora(given: spec.Lora | None) -> payload.Lora:
    """Low-rank adapters; the order of the targets means nothing."""
    if given is None:
        return defaults.NO_LORA
    return payload.Lora.model_construct(
        r=given.r, alpha=given.alpha, dropout=given.dropout, targets=tuple(sorted(set(given.targets)))
    )


def passed(given: trainer.PassedOn | None) -> payload.Passed:
    """The settings for TRL that change something, by name: what equals its default is as good as not written."""
    if given is None:
        return {}
    settings = ((name, getattr(given, name), info.default) for name, info in sorted(type(given).model_fields.items()))
    return {name: value for name, value, default in settings if value != default and value is not None}


def mask(given: spec.Mask | None) -> payload.Mask:
    """What the prompt hides."""
    if given is None:
        return defaults.NO_MASK
    return payload.Mask.model_construct(
        unit=f"regex:{given.unit.regex}" if isinstance(given.unit, spec.RegexUnit) else given.unit,
        select=given.select,
        rows=given.rows,
        count=given.count or 0,
        share=_share(given.share),
        at_least=given.at_least,
        leave=given.leave,
        placeholder=given.placeholder,
    )


def _share(given: float | spec.ShareRamp | None) -> payload.Ramp:
    if isinstance(given, spec.ShareRamp):
        return payload.Ramp.model_construct(first=given.from_, last=given.to)
    return payload.Ramp.model_construct(first=given or 0.0, last=given or 0.0)


def lossy(trace: payload.TraceFormat) -> tuple[str, ...]:
    """Everything that a `loss` may name, in the order in which a body has it."""
    return tuple(dict.fromkeys((*defaults.SEGMENTS, *(each.name for each in trace.form))))


def loss_on(stage: spec.Stage, trace: payload.TraceFormat) -> tuple[str, ...]:
    """The segments of given texts that are supervised, in a fixed order: all where a spec names none; none where the
    trainer is given no texts."""
    if not _given_texts(stage.train):
        return ()
    return tuple(name for name in lossy(trace) if (name in stage.loss if stage.loss else name != "masked"))


def completions_loss_on(stage: spec.Stage, trace: payload.TraceFormat) -> tuple[str, ...]:
    """The segments of completions that carry loss; () where all do."""
    named = tuple(name for name in lossy(trace) if name in (stage.loss or ()))
    return () if {*named, "masked"} == {*lossy(trace)} and not loss_when(stage) else named


def loss_when(stage: spec.Stage, texts: tuple[str, ...] = ()) -> dict[str, str]:
    """The conditions under which segments carry loss. The `texts` of a row, nearest first, have the names that they
    have in conditions."""
    given = stage.loss if isinstance(stage.loss, Mapping) else {}
    return {name: renamed(expression(value), texts) for name, value in given.items() if isinstance(value, str)}


def _given_texts(train: spec.Train) -> bool:
    return "loss" in trainer_of(train).reading(train) and trainer_of(train).rows in ("sft", "distill")


def expression(value: str | float) -> str:
    """An expression's text with its line breaks and indentation made single spaces; a number in its shortest form."""
    return " ".join(value.split()) if isinstance(value, str) else repr(float(value))


def expression_at(given: spec.Reward, place: tuple[str | int, ...]) -> str:
    """The expression at a place of a reward (`cotspec.cot.rewards.Place`) as it is checked; "" for any other place."""
    match place:
        case ("gates", int(number), "unless"):
            return expression(given.gates[number].unless)
        case ("let", str(name)):
            return expression(given.let[name])
        case ("terms", str(name), "value"):
            return expression(given.terms[name].value)
        case _:
            return ""


def reward(given: spec.Reward, texts: tuple[str, ...] = ()) -> payload.Reward:
    """Gates and `let` in their order, which matters; terms by name, since a sum has none. The `texts` of a row, nearest
    first, have the names that they have in conditions."""

    def written(value: str | float) -> str:
        return renamed(expression(value), texts)

    return payload.Reward.model_construct(
        gates=tuple(
            payload.RewardGate.model_construct(unless=written(gate.unless), reward=gate.reward) for gate in given.gates
        ),
        let=tuple(
            payload.Binding.model_construct(name=name, value=written(value)) for name, value in given.let.items()
        ),
        terms=tuple(
            payload.RewardTerm.model_construct(name=name, value=written(term.value), weight=_weight(term.weight))
            for name, term in sorted(given.terms.items())
        ),
    )


def _weight(given: float | spec.Ramp) -> payload.Ramp:
    if isinstance(given, spec.Ramp):
        return payload.Ramp.model_construct(first=given.from_, last=given.to)
    return payload.Ramp.model_construct(first=given, last=given)


def checkpoint(advance: spec.Advance) -> payload.Final | payload.AtStep | payload.Best:
    """Which checkpoint goes on."""
    match advance.checkpoint:
        case "final":
            return payload.Final.model_construct()
        case spec.AtStep(step=step):
            return payload.AtStep.model_construct(step=step)
        case spec.Best(best=metric, every=every):
            return payload.Best.model_construct(metric=metric, every=every)
        case _:
            assert_never(advance.checkpoint)


def requirement(metric: str, text: str) -> payload.Requirement:
    """`train.formatted`, `>= 0.9` → Requirement. Raises ValueError."""
    match = _REQUIREMENT.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"`{text}` is not a comparison such as `>= 0.9`")
    # model_validate: the pattern has made sure of the operator, the type checker has not.
    return payload.Requirement.model_validate({"metric": metric, "op": match[1], "value": float(match[2])})


def training(
    stage: spec.Stage,
    *,
    start: ModelRef,
    teacher: ModelRef | payload.FirstWeights | None,
    trace: payload.TraceFormat,
    seed: int,
    keeps_optimizer: bool,
    texts: tuple[str, ...],
    judges: tuple[payload.Judge, ...] = (),
) -> payload.TrainBody:
    """The training task of a stage. What several trainers have is made here; the other fields of a body are settings of
    the same name."""
    train, kind = stage.train, trainer_of(stage.train).body
    values: dict[str, Any] = {
        "start": start,
        "optim": optim(train),
        "global_batch": train.global_batch,
        "max_length": train.max_length,
        "precision": train.precision,
        "lora": lora(train.lora),
        "trainer": passed(train.trainer),
        "keep": checkpoint(stage.advance or spec.Advance.model_construct()),
        "seed": seed,
        "keeps_optimizer": keeps_optimizer,
    }
    if train.drawn is not None:
        values["sampling"] = sampling(train.drawn, trace=trace, n=train.samples)
    if teacher is not None:
        values["teacher"] = teacher
    if stage.reward is not None:
        values |= {"format": trace, "reward": reward(stage.reward, texts)}
    if "judges" in kind.model_fields:
        values["judges"] = judges
    if "loss_on" in kind.model_fields:
        values |= {"loss_on": completions_loss_on(stage, trace), "loss_when": loss_when(stage, texts)}
    made = {"kind", "sampling", *values}
    own = {name: getattr(train, name) for name in kind.model_fields if name not in made}
    return kind.model_construct(**values, **own)
