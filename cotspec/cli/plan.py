"""`cotspec plan [SPEC…] [--against REV]`: what would run, what is reused, and why."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from cotspec.cli import findings, project
from cotspec.cli.errors import ProblemError
from cotspec.cli.revision import exported
from cotspec.cli.selection import named

if TYPE_CHECKING:
    from cotspec.compiler import Checked
    from cotspec.driver import Unit
    from cotspec.views.planned import Planned

NOTHING, FINDINGS, WORK = 0, 1, 2


def run(
    specs: Sequence[str],
    *,
    against: str | None,
    output: Literal["text", "json", "markdown"],
    whole: bool,
    formulas: bool,
) -> int:
    """Return 0 when nothing is to be done, 1 after errors, 2 when something would run. Raises ProblemError."""
    from cotspec.compiler import check_specs
    from cotspec.diagnostics import Sink
    from cotspec.estimate import Estimator
    from cotspec.history import results
    from cotspec.history.project_facts import ProjectFacts
    from cotspec.views import plan

    root = project.find_root(Path.cwd())
    given = named(root, specs)
    sink = Sink()
    checked = check_specs(given.specs, sink)
    findings.show(sink, stream=sys.stderr)
    if checked is None:
        return FINDINGS
    units = given.of(checked.units)
    findings.tell_damage(root)
    standings = results.standings(root, checked.sealed.plan)
    with ExitStack() as stack:
        pairs = _pairs(checked, units, _before(root, given.specs, against, stack))
        records = ProjectFacts(root)
        tasks = checked.sealed.tasks
        estimator = Estimator(tasks, records, records.others(tasks))
        shown = plan.view(checked.of(units).sealed, standings, pairs, estimator)
    match output:
        case "text":
            colour, width = findings.colour(sys.stdout), findings.width(sys.stdout)
            print(plan.text(shown, whole=whole, formulas=formulas, colour=colour, width=width), end="")
        case "json":
            findings.as_json(plan.record(shown))
        case "markdown":
            print(plan.markdown(shown), end="")
    return WORK if shown.busy else NOTHING


def _pairs(
    checked: Checked, units: Sequence[Unit], before: Mapping[str, Planned]
) -> list[tuple[Planned, Planned | None]]:
    """Each of some experiments with what it was, or a new variant with the spec it is a variant of."""
    from cotspec.views.planned import planned

    now = planned(checked.units, checked.sealed)
    pairs: list[tuple[Planned, Planned | None]] = []
    for name in (unit.name for unit in units):
        side = now[name]
        spec = now[side.loaded.experiment.name] if side.loaded.variant else None
        pairs.append((side, before.get(name) or spec))
    return pairs


def _before(root: Path, chosen: Mapping[str, Path], against: str | None, stack: ExitStack) -> Mapping[str, Planned]:
    """The experiments as a revision has them. Without one that is asked for, HEAD if there is one."""
    from cotspec.compiler import check_specs
    from cotspec.diagnostics import Sink
    from cotspec.views.planned import planned

    try:
        folder = stack.enter_context(exported(root, against or "HEAD"))
    except ProblemError:
        if against is not None:
            raise
        return {}
    there = {place: folder / place for place in chosen if (folder / place).is_file()}
    checked = check_specs(there, Sink()) if there else None
    if checked is None:
        if against is not None:
            print(f"note: {against} has none of these specs without errors, so nothing is compared", file=sys.stderr)
        return {}
    return planned(checked.units, checked.sealed, root=folder, revision=against or "HEAD")
