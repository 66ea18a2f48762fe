"""Arguments and options that several commands have."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer


def paths(incomplete: str) -> list[str]:
    """Specs, for a shell."""
    from cotspec.cli import complete

    return complete.specs(incomplete)


def members(incomplete: str) -> list[str]:
    """Specs and their variants, for a shell."""
    from cotspec.cli import complete

    return complete.members(incomplete)


def stages(ctx: typer.Context, incomplete: str) -> list[str]:
    """Stages of the spec that stands before, for a shell."""
    from cotspec.cli import complete

    return complete.parts(ctx.params.get("spec") or "", incomplete)


def previewed(ctx: typer.Context, incomplete: str) -> list[str]:
    """Its stages and texts."""
    from cotspec.cli import complete

    return complete.parts(ctx.params.get("spec") or "", incomplete, texts=True)


def asked_of(ctx: typer.Context, incomplete: str) -> list[str]:
    """Its stages and models."""
    from cotspec.cli import complete

    return complete.parts(ctx.params.get("spec") or "", incomplete, models=True)


def compared(ctx: typer.Context, incomplete: str) -> list[str]:
    """Models of the spec that stands first."""
    from cotspec.cli import complete

    return complete.compared(ctx.params.get("models") or (), incomplete)


def rules(incomplete: str) -> list[str]:
    """Rules, for a shell."""
    from cotspec.cli import explain

    return [name for name in ("measures", *sorted(explain.rules())) if name.startswith(incomplete)]


WHICH = "Default: the set in pyproject.toml under [tool.cotspec], or else specs/*.yaml."

Specs = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[SPEC[@VARIANT]…]",
        help="Specs with all their variants, or variants alone; SPEC@ is a spec without them. By path, or by name as "
        f"`results` prints it. {WHICH}",
        autocompletion=members,
    ),
]


TrustRemoteCode = Annotated[
    bool, typer.Option("--trust-remote-code", help="Accept specs that run code which comes with a hub model.")
]

AllowEndpoints = Annotated[
    bool,
    typer.Option("--allow-endpoints", help="Accept servers that cotspec.local.yaml does not name; none is asked then."),
]

Strict = Annotated[
    bool, typer.Option("--ci", help="Warnings are errors, unless the spec allows them with a reason. Never a default.")
]


class Format(StrEnum):
    """How findings are printed."""

    text = "text"
    json = "json"
    sarif = "sarif"
    github = "github"


class PreviewFormat(StrEnum):
    """How a preview is printed."""

    text = "text"
    json = "json"


class Try(StrEnum):
    """Responses that are there already."""

    teacher = "teacher"


class Table(StrEnum):
    """How tables are printed."""

    text = "text"
    json = "json"
    markdown = "markdown"


class Sheet(StrEnum):
    """How results are printed."""

    text = "text"
    csv = "csv"
    json = "json"
    markdown = "markdown"


class Shape(StrEnum):
    """How a resolved spec is printed."""

    yaml = "yaml"
    json = "json"


class Scheduler(StrEnum):
    """What tasks can be sent to."""

    slurm = "slurm"


OneModel = Annotated[
    str,
    typer.Argument(
        metavar="SPEC[@VARIANT][:MODEL]",
        help="A spec or one of its variants; a model or stage of it may stand behind a colon.",
        autocompletion=members,
    ),
]
Previewed = Annotated[
    str,
    typer.Argument(metavar="[STAGE]", help="The stage or text, unless SPEC:STAGE says it.", autocompletion=previewed),
]
