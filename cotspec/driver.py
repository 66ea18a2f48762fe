"""Between the compiler's passes: gives what they raise a place in a spec. Knows passes and spans; writes nothing."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from itertools import groupby
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from cotspec.builtin import digest
from cotspec.diagnostics import Diagnostic, Sink, Span
from cotspec.diagnostics.origins import MemberFindings, gathered, joined, linked
from cotspec.diagnostics.rule import Rule
from cotspec.front.load import Loaded
from cotspec.front.paths import project_root
from cotspec.history import contamination, data_files, model_files, pins, traces
from cotspec.history.model_files import ModelFiles
from cotspec.ir.lower import NOTHING, ExperimentSource, LowerError, lower
from cotspec.ir.plan import Draft
from cotspec.passes import allow, lint
from cotspec.passes.check.context import Context
from cotspec.passes.options import DEFAULT, Options
from cotspec.passes.seal import Conflict, Sealed
from cotspec.spec.experiment import Model
from cotspec.spec.lock import LOCK_FILE

if TYPE_CHECKING:
    from cotspec.ir.inputs import Locked
    from cotspec.spec.experiment import Endpoint
    from cotspec.spec.local import LocalEndpoint

_RESOURCES: Final = "resources"
EVERYWHERE: Final = frozenset(rule.slug for rule in (*lint.RULES.values(), *allow.RULES.values()) if rule.everywhere)
TOGETHER: Final = {rule.slug: rule.together for rule in lint.RULES.values() if rule.together}
"""Rules that hold against a spec when they hold against it and all its variants."""

RULES: Final[Mapping[str, Rule]] = MappingProxyType(
    {
        rule.slug: rule
        for rule in (
            Rule(
                slug="experiment-name",
                claim="Specs that are built together have different names.",
                why="The report of an experiment, `generated/reports/<name>`, is found by the name.",
                failing="$ cp specs/a.yaml specs/b.yaml\n$ cotspec check specs/a.yaml specs/b.yaml\n",
                passing="$ sed 's/name: example/name: other/' specs/a.yaml > specs/b.yaml\n"
                "$ cotspec check specs/a.yaml specs/b.yaml\n",
            ),
            Rule(
                slug="cannot-compile",
                claim="Every stage, file, model and batch of a spec can become a task.",
                why="It is found when the tasks are laid out, after all other rules held.",
                no_example="The other rules find all that is known to lead here; this is the net below them.",
            ),
            Rule(
                slug="shared-task",
                claim="Experiments that share a task launch it in the same way.",
                why="A shared task runs once, so only one way of launching it counts: that of the first spec by path. "
                "The result is the same either way.",
                failing="$ sed 's/name: example/name: other/; s/gpus: 0/gpus: 1/' specs/a.yaml > specs/b.yaml\n"
                "$ cotspec check specs/a.yaml specs/b.yaml\n",
                passing="$ sed 's/name: example/name: other/' specs/a.yaml > specs/b.yaml\n"
                "$ cotspec check specs/a.yaml specs/b.yaml\n",
            ),
        )
    }
)


class Unit(NamedTuple):
    """One experiment: a spec or a variant of it, and where the spec is in the project."""

    place: str
    """Path of the spec relative to the project, `/` between folders."""
    loaded: Loaded
    root: Path
    """Folder of the project."""
    lock: Locked | None = None
    """The project's lock, when there is one."""

    @property
    def name(self) -> str:
        """Name of the experiment."""
        return self.loaded.name

    @property
    def source(self) -> ExperimentSource:
        """What is lowered."""
        loaded = self.loaded
        return ExperimentSource(
            name=loaded.name,
            experiment=loaded.experiment,
            folder=posixpath.dirname(self.place),
            prompts=loaded.files,
            locked=NOTHING if self.lock is None else self.lock.entries,
        )


def lock_of(specs: Iterable[Path], sink: Sink) -> Locked | None:
    """The lock of the project that all the specs belong to."""
    first = next(iter(specs), None)
    root = None if first is None else project_root(first)
    if root is None or not os.path.lexists(root / LOCK_FILE):
        return None
    from cotspec.front.lock_file import read_lock  # here: most projects that are checked have none

    return read_lock(root, sink)


def units(loaded: Mapping[str, Loaded | None], lock: Locked | None = None) -> list[Unit]:
    """Every experiment of the specs, by their place in the project: a spec, then its variants."""
    specs = ((place, spec, project_root(spec.path)) for place, spec in loaded.items() if spec is not None)
    return [Unit(place=place, loaded=one, root=root, lock=lock) for place, spec, root in specs for one in spec.family]


def judge(
    rules: Callable[[Context, Sink], None],
    units: Iterable[Unit],
    sink: Sink,
    options: Options,
    sealed: Sealed | None = None,
) -> None:
    """Run rules on every experiment. A mistake that a spec and its variants share is found once."""
    for _, family in groupby(units, key=lambda unit: unit.place):
        members = list(family)
        unknown = EVERYWHERE if members[0].loaded.left_out else ()  # what hold against all takes all
        family_findings = []
        for unit in members:
            own = Sink()
            rules(context(unit, options, sealed), own)
            known = [one for one in own.findings if one.rule not in unknown]
            family_findings.append(MemberFindings(known, unit.loaded.variant, unit.loaded.entry, unit.loaded.holds))
        sink.extend(
            linked(one, members[0].loaded.links) for one in joined(gathered(family_findings, EVERYWHERE), TOGETHER)
        )


def stops(sink: Sink, options: Options = DEFAULT) -> bool:
    """Whether the next phase must not run. A call, since a type checker takes a property for the same until the end."""
    if options.ci:
        sink.harden()
    return sink.failed


def context(unit: Unit, options: Options, sealed: Sealed | None = None) -> Context:
    """What the rules are given; with a plan, also the traces of an earlier run."""
    loaded, root = unit.loaded, unit.root
    return Context(
        experiment=loaded.experiment,
        source=loaded.source,
        files=loaded.files,
        options=options,
        read_traces=cache(
            lambda name: (
                traces.traces(task, root)
                if sealed is not None and (task := sealed.ids.get(f"{unit.name}/kept/{name}"))
                else None
            )
        ),
        read_contamination=cache(
            lambda: None if sealed is None else contamination.compared(sealed.ids[f"{unit.name}/contamination"], root)
        ),
        count_rows=lambda written: data_files.count_rows(loaded.path.parent / written),
        read_data=lambda data: data_files.data_file(data, loaded.path.parent, root),
        same_file=lambda one, other: data_files.same_file(loaded.path.parent / one, loaded.path.parent / other),
        read_model=_each_once(lambda model: model_files.model_files(model, unit.source, root)),
        pins=None if sealed is None else pins.pins(unit.source, unit.lock, root),
        agreed=lambda endpoint: _agreed(endpoint, root),
        kept={},
    )


def _each_once(read: Callable[[Model], ModelFiles | None]) -> Callable[[Model], ModelFiles | None]:
    """Several rules ask for the files of a model, which hash as little as dictionaries do."""
    by_object: dict[int, ModelFiles | None] = {}

    def known(model: Model) -> ModelFiles | None:
        if id(model) not in by_object:
            by_object[id(model)] = read(model)
        return by_object[id(model)]

    return known


def _agreed(endpoint: Endpoint, root: Path) -> LocalEndpoint | None:
    from cotspec.front import local  # here: most projects have no such file
    from cotspec.spec.local import agreed

    return agreed(local.settings(root), url=endpoint.url or "", model=endpoint.model)


def distinct(units: Iterable[Unit], sink: Sink) -> None:
    """Find experiments with one name."""
    first: dict[str, Unit] = {}
    for unit in (unit for unit in units if not unit.loaded.variant):
        name = unit.loaded.experiment.name
        if name in first:
            here, there = (each.loaded.source.value(("name",)) for each in (unit, first[name]))
            sink.add(
                Diagnostic(
                    rule="experiment-name",
                    message=f"another spec is called `{name}`",
                    span=here,
                    help="give it a name of its own",
                    related=((there, "the other one"),),
                )
            )
        first.setdefault(name, unit)


def lowered(units: Iterable[Unit], sink: Sink) -> Draft:
    """The tasks of all experiments; those of one that cannot be lowered are left out, with a finding."""
    digests = digest.manifest()
    drafts = [_lower(unit, digests, sink) for unit in units]
    return Draft(tasks=tuple(task for draft in drafts if draft is not None for task in draft.tasks))


def _lower(unit: Unit, digests: Mapping[str, str], sink: Sink) -> Draft | None:
    loaded = unit.loaded
    try:
        return lower([unit.source], digests)
    except LowerError as error:
        one = Diagnostic(rule="cannot-compile", message=str(error), span=loaded.source.value(error.where))
        member = MemberFindings([one], loaded.variant, loaded.entry)
        sink.extend(linked(finding, loaded.links) for finding in gathered([member]))
        return None


def conflicts(reported: Iterable[Conflict], units: Iterable[Unit], sink: Sink) -> None:
    """Say which way of launching shared tasks is kept: one finding for two specs, however much they share."""
    by_name = {unit.name: unit for unit in units}
    shared: dict[tuple[str, str], list[str]] = {}
    for conflict in reported:
        kept, dropped = (name.partition("/")[0] for name in (conflict.kept, conflict.dropped))
        shared.setdefault((kept, dropped), []).append(conflict.id)
    for (kept, dropped), ids in shared.items():
        verb = "is" if len(ids) == 1 else "are"
        sink.add(
            Diagnostic(
                rule="shared-task",
                severity="note",
                message=f"{', '.join(sorted(ids))} {verb} shared with `{kept}`, whose resources count",
                span=_resources(by_name[dropped].loaded, by_name),
                help="write the same resources in both, or leave it: the result is the same",
            )
        )


def _resources(loaded: Loaded, by_name: Mapping[str, Unit]) -> Span:
    """Where an experiment says its resources; a variant, where it first says other ones than its spec."""
    source, spec = loaded.source, by_name[loaded.experiment.name].loaded.source
    for now, before in ((source.keys, spec.keys), (source.removed, spec.removed)):
        for path, span in now.items():
            if path[:1] == (_RESOURCES,) and before.get(path) != span:
                return span
    return source.key((_RESOURCES,))
