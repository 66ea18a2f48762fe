"""The commands and their options; each does its work in a module of its own, imported when it is called."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cotspec.cli import app_models
from cotspec.cli.options import (
    WHICH,
    AllowEndpoints,
    Format,
    OneModel,
    Previewed,
    PreviewFormat,
    Scheduler,
    Shape,
    Sheet,
    Specs,
    Strict,
    Table,
    TrustRemoteCode,
    Try,
    members,
    paths,
    rules,
)

app = typer.Typer(
    name="cotspec",
    help="One YAML spec of a chain-of-thought experiment becomes a DVC pipeline that trains.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.add_typer(app_models.app)


def _version(wanted: bool) -> None:
    if wanted:
        from cotspec.cli.version import version

        print(f"cotspec {version()}")
        raise typer.Exit


@app.callback()
def _options(
    _show_version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """One YAML spec of a chain-of-thought experiment becomes a DVC pipeline that trains."""


@app.command()
def build(
    specs: Annotated[
        list[str] | None,
        typer.Argument(metavar="[SPEC…]", help=f"Each is built with all its variants. {WHICH}", autocompletion=paths),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit 1 and name what is not up to date.")
    ] = False,
    ci: Strict = False,
    trust_remote_code: TrustRemoteCode = False,
    allow_endpoints: AllowEndpoints = False,
) -> None:
    """Compile specs to dvc.yaml and generated/."""
    from cotspec.cli.build import run
    from cotspec.passes.options import Options

    options = Options(ci=ci, trust_remote_code=trust_remote_code, allow_endpoints=allow_endpoints)
    raise typer.Exit(run(specs or [], check_only=check, options=options))


@app.command()
def check(
    specs: Specs = None,
    output: Annotated[Format, typer.Option("--format", help="How findings are printed.")] = Format.text,
    ci: Strict = False,
    trust_remote_code: TrustRemoteCode = False,
    allow_endpoints: AllowEndpoints = False,
) -> None:
    """Validate specs without writing anything; SPEC@VARIANT: the spec, as if this variant were its only one."""
    from cotspec.cli.check import run
    from cotspec.passes.options import Options

    options = Options(ci=ci, trust_remote_code=trust_remote_code, allow_endpoints=allow_endpoints)
    raise typer.Exit(run(specs or [], output=output.value, options=options))


@app.command()
def preview(
    spec: OneModel,
    stage: Previewed = "",
    row: Annotated[
        int | None, typer.Option(min=0, help="Which row, as rows.jsonl counts them: from 0, through all epochs.")
    ] = None,
    record: Annotated[
        int | None, typer.Option("--id", help="The row of this record instead; a dropped one is shown with the reason.")
    ] = None,
    epoch: Annotated[int | None, typer.Option(min=0, help="With --id: in this epoch, from 0.")] = None,
    source: Annotated[
        str,
        typer.Option("--from", help="The text its rows are from, where the stage mixes several. Default: the first."),
    ] = "",
    traces: Annotated[
        Path | None, typer.Option(help="JSON lines with question, answer and trace, in place of those of a run.")
    ] = None,
    response: Annotated[
        str | None, typer.Option(help="Score this response (grpo): the text, @FILE, or - for stdin.")
    ] = None,
    trying: Annotated[Try | None, typer.Option("--try", help="Score the teacher's own trace instead.")] = None,
    beside: Annotated[
        list[str] | None,
        typer.Option(help="Another completion of the same prompt, for `group.…` and `rank`; may be repeated."),
    ] = None,
    tokens: Annotated[int | None, typer.Option(min=1, help="The response's length in tokens.")] = None,
    progress: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Place in the run, 0 to 1, for weights that move. Default: the row's."),
    ] = None,
    output: Annotated[PreviewFormat, typer.Option("--format", help="How it is printed.")] = PreviewFormat.text,
    full: Annotated[bool, typer.Option("--full", help="Show long thinking whole.")] = False,
    colour: Annotated[
        bool | None,
        typer.Option("--color/--no-color", help="Default: in colour on a terminal, unless NO_COLOR is set."),
    ] = None,
) -> None:
    """Show one row as it will be trained on: what is hidden, the prompt, what carries loss or reward. Of a text that a
    model writes (SPEC:TEXT), what it will be asked."""
    from cotspec.cli.preview import Arguments, run

    arguments = Arguments(
        spec=spec,
        stage=stage,
        row=row,
        id=record,
        epoch=epoch,
        source=source,
        traces=traces,
        response=response,
        trying=trying is not None,
        beside=tuple(beside or ()),
        tokens=tokens,
        progress=progress,
        output=output.value,
        full=full,
        colour=colour,
    )
    raise typer.Exit(run(arguments))


@app.command()
def show(
    spec: Annotated[
        str, typer.Argument(metavar="SPEC[@VARIANT]", help="A spec, or one of its variants.", autocompletion=members)
    ],
    output: Annotated[Shape, typer.Option("--format", help="YAML with origins as comments, or JSON.")] = Shape.yaml,
) -> None:
    """Print the resolved spec, and where each value came from."""
    from cotspec.cli.show import run

    raise typer.Exit(run(spec, output=output.value))


@app.command()
def plan(
    specs: Specs = None,
    against: Annotated[
        str | None, typer.Option(metavar="REV", help="Explain by comparing with this git revision. Default: HEAD.")
    ] = None,
    output: Annotated[Table, typer.Option("--format", help="How it is printed.")] = Table.text,
    whole: Annotated[bool, typer.Option("--all", help="Show every task, also what is reused.")] = False,
    formulas: Annotated[
        bool, typer.Option("--formulas", help="Show the formula of each estimate and the source of its inputs.")
    ] = False,
) -> None:
    """Say what would run, what is reused, and why. Exit code 0: nothing to do, 2: something would run."""
    from cotspec.cli.plan import run

    raise typer.Exit(run(specs or [], against=against, output=output.value, whole=whole, formulas=formulas))


@app.command("run")
def run_(
    specs: Specs = None,
    jobs: Annotated[int, typer.Option("-j", "--jobs", min=1, help="Tasks at a time.")] = 1,
    wait: Annotated[bool, typer.Option(help="Wait for another run of this project to end, or stop (exit 2).")] = True,
    pull: Annotated[
        bool, typer.Option("--pull", help="Take results of other machines from the DVC remote first.")
    ] = False,
) -> None:
    """Bring experiments up to date, independent tasks side by side; `dvc repro` does the same one after the other."""
    from cotspec.cli.run import run

    raise typer.Exit(run(specs or [], jobs=jobs, wait=wait, pull=pull))


@app.command()
def submit(
    _scheduler: Annotated[Scheduler, typer.Argument(metavar="slurm", help="The scheduler.")],
    specs: Specs = None,
    wait: Annotated[bool, typer.Option(help="Wait for another run of this project to end, or stop (exit 2).")] = True,
) -> None:
    """Send every task that is not up to date to SLURM, each after what it reads."""
    from cotspec.cli.submit import run

    raise typer.Exit(run(specs or [], wait=wait))


@app.command()
def cancel(
    specs: Annotated[
        list[str] | None,
        typer.Argument(metavar="[SPEC[@VARIANT]…]", help="Default: all jobs of the project.", autocompletion=members),
    ] = None,
) -> None:
    """Take jobs back from SLURM."""
    from cotspec.cli.cancel import run

    raise typer.Exit(run(specs or []))


@app.command(hidden=True)
def job(folder: Annotated[str, typer.Argument(metavar="FOLDER", help="Of the task, in the project.")]) -> None:
    """What a job of SLURM runs: one task."""
    from cotspec.cli.job import run

    run(folder)


@app.command()
def status(
    specs: Specs = None,
    output: Annotated[Sheet, typer.Option("--format", help="How it is printed.")] = Sheet.text,
) -> None:
    """Say how far every experiment is: done, at work, in the queue, failed, stopped by a gate, or in part."""
    from cotspec.cli.status import run

    raise typer.Exit(run(specs or [], output=output.value))


@app.command()
def doctor() -> None:
    """Compare every result with what DVC recorded, byte by byte; say what to pull or run again, and what is left."""
    from cotspec.cli.doctor import run

    raise typer.Exit(run())


@app.command()
def gc(
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without, it is only said.")] = False,
    cache: Annotated[
        bool, typer.Option("--cache", help="In DVC's cache, too, by its own gc: what no commit and no spec needs.")
    ] = False,
    tips: Annotated[
        bool, typer.Option("--tips", help="With --cache: only what branches and tags end in is needed, not their past.")
    ] = False,
    unfinished: Annotated[bool, typer.Option("--unfinished", help="Unfinished work of such tasks, too.")] = False,
) -> None:
    """Remove results that no spec needs and DVC has stored; say which before."""
    from cotspec.cli.gc import Arguments, run

    raise typer.Exit(run(Arguments(yes=yes, cache=cache, tips=tips, unfinished=unfinished)))


@app.command()
def results(
    specs: Specs = None,
    output: Annotated[Sheet, typer.Option("--format", help="How it is printed.")] = Sheet.text,
    base: Annotated[
        str | None,
        typer.Option("--base", metavar="EXPERIMENT", help="Compare with this one, not each variant with its spec."),
    ] = None,
    page: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Write a page for a browser, into a file or a folder."),
    ] = None,
) -> None:
    """Show every experiment with its accuracy, tokens, and how far it is from its base."""
    from cotspec.cli.results import run

    raise typer.Exit(run(specs or [], output=output.value, base=base, page=page))


@app.command()
def diff(
    old: Annotated[
        str, typer.Argument(metavar="A", help="[REV:]SPEC[@VARIANT]; REV is a git revision.", autocompletion=members)
    ],
    new: Annotated[str, typer.Argument(metavar="B", help="The same.", autocompletion=members)],
    output: Annotated[Table, typer.Option("--format", help="How it is printed.")] = Table.text,
) -> None:
    """Compare two specs, variants or git revisions, as settings and as tasks."""
    from cotspec.cli.diff import run

    raise typer.Exit(run(old, new, output=output.value))


@app.command()
def targets(
    specs: Annotated[
        list[str],
        typer.Argument(
            metavar="SPEC[@VARIANT]…",
            help="SPEC: the whole family; SPEC@: without its variants.",
            autocompletion=members,
        ),
    ],
) -> None:
    """Print the DVC stages of experiments: dvc repro $(cotspec targets SPEC@VARIANT)."""
    from cotspec.cli.targets import run

    raise typer.Exit(run(specs))


@app.command()
def lock(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME…]", help="With --upgrade: models and data sets, by hub id or name in a spec."),
    ] = None,
    upgrade: Annotated[
        bool, typer.Option("--upgrade", help="Ask the hub again for what is locked: all of it, or what is named.")
    ] = False,
    check: Annotated[
        bool,
        typer.Option("--check", help="Write nothing, ask nobody; exit 1 and name what is not as it was locked."),
    ] = False,
    specs: Annotated[
        list[str] | None,
        typer.Option(
            "--spec",
            metavar="SPEC[@VARIANT]",
            help="Lock what this reads and drop nothing. Default: all specs of the project.",
            autocompletion=members,
        ),
    ] = None,
) -> None:
    """Write cotspec.lock: the commit or content of everything the specs read."""
    from cotspec.cli.lock import run

    raise typer.Exit(run(names or [], specs=specs or [], check_only=check, upgrade=upgrade))


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="The project's folder; made when it is not there.")] = Path(),
    template: Annotated[
        str,
        typer.Option(
            "--template", help="The spec to begin with: bridge (the default), sft, grpo, distill, dpo or traces."
        ),
    ] = "",
) -> None:
    """Make a project that runs as it is: a starter spec, git and DVC set up."""
    from cotspec.cli.init import run

    raise typer.Exit(run(folder, template))


@app.command()
def explain(
    rule: Annotated[
        str | None,
        typer.Argument(help="The name in brackets of a finding; without it, all are listed.", autocompletion=rules),
    ] = None,
) -> None:
    """Say what a rule wants, why, and show it."""
    from cotspec.cli.explain import run

    raise typer.Exit(run(rule))


@app.command()
def schema(local: Annotated[bool, typer.Option("--local", help="That of cotspec.local.yaml.")] = False) -> None:
    """Print the JSON Schema of a spec, for editors."""
    from cotspec.cli import findings
    from cotspec.spec.schema import local_schema
    from cotspec.spec.schema import schema as of_specs

    findings.for_programs(local_schema() if local else of_specs())


@app.command()
def lsp() -> None:
    """Serve an editor that edits specs, on stdin and stdout (Language Server Protocol)."""
    from cotspec.cli.lsp import run

    raise typer.Exit(run())
