"""The commands over models that were trained: ask them, compare them, take them out."""

from __future__ import annotations

from typing import Annotated

import typer

from cotspec.cli.options import OneModel, PreviewFormat, TrustRemoteCode, asked_of, compared, stages

app = typer.Typer()


@app.command()
def compare(
    models: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SPEC] A B",
            help="Models or stages that are evaluated: SPEC[@VARIANT]:MODEL, or MODEL of the spec before it.",
            autocompletion=compared,
        ),
    ] = None,
    question: Annotated[int | None, typer.Option(metavar="N", help="This question alone, by its id.")] = None,
    asked: Annotated[str, typer.Option("--set", help="Which set of the evaluation. Default: the first of both.")] = "",
    most: Annotated[int, typer.Option(min=0, help="Questions that are shown, those that changed sides first.")] = 10,
    output: Annotated[PreviewFormat, typer.Option("--format", help="How it is printed.")] = PreviewFormat.text,
) -> None:
    """Show what two models answered, side by side, where they differ; as their evaluations recorded it."""
    from cotspec.cli.compare import Arguments, run

    arguments = Arguments(names=models or (), set=asked, question=question, most=most, output=output.value)
    raise typer.Exit(run(arguments))


@app.command()
def chat(
    spec: OneModel,
    name: Annotated[
        str,
        typer.Argument(metavar="[STAGE|MODEL]", help="Who is asked. Default: the last stage.", autocompletion=asked_of),
    ] = "",
    ask: Annotated[str | None, typer.Option("--ask", metavar="TEXT", help="Ask this and end.")] = None,
    gold: Annotated[str | None, typer.Option("--gold", metavar="ANSWER", help="With --ask: the gold answer.")] = None,
    question: Annotated[
        int | None, typer.Option("--question", metavar="N", help="Ask question N of the evaluation's data and end.")
    ] = None,
    row: Annotated[
        int | None, typer.Option("--row", metavar="N", help="Ask the prompt of row N of the stage and end.")
    ] = None,
    reward: Annotated[
        str, typer.Option("--reward", metavar="STAGE", help="Whose reward and rows count. Default: the stage's own.")
    ] = "",
    cpu: Annotated[bool, typer.Option("--cpu", help="Without a GPU, whatever `resources` says.")] = False,
    trust_remote_code: TrustRemoteCode = False,
) -> None:
    """Ask a stage or a model: the answer in segments, and where the gold answer is known the reward term by term."""
    from cotspec.cli.chat import Arguments, run

    arguments = Arguments(
        spec=spec,
        name=name,
        ask=ask,
        gold=gold,
        question=question,
        row=row,
        reward=reward,
        cpu=cpu,
        trusted=trust_remote_code,
    )
    raise typer.Exit(run(arguments))


@app.command()
def model(
    spec: OneModel,
    stage: Annotated[str, typer.Argument(metavar="[STAGE]", help="Default: the last one.", autocompletion=stages)] = "",
) -> None:
    """Print the folder of the model that a stage has trained: load it with `from_pretrained`."""
    from cotspec.cli.model import run

    raise typer.Exit(run(spec, stage))


@app.command()
def export(
    spec: OneModel,
    place: Annotated[
        list[str] | None,
        typer.Argument(metavar="[STAGE] DIR", help="The stage (default: the last one), and the folder that is made."),
    ] = None,
    adapter: Annotated[
        bool, typer.Option("--adapter", help="The LoRA adapters alone, not merged into the model they belong to.")
    ] = False,
    terms: Annotated[
        str,
        typer.Option("--license", metavar="ID", help="Licence of the model, as the hub calls it: apache-2.0, mit, …"),
    ] = "",
    push: Annotated[
        str, typer.Option("--push", metavar="OWNER/NAME", help="Upload the folder to the model hub, too.")
    ] = "",
    public: Annotated[bool, typer.Option("--public", help="A repository that --push makes is for everybody.")] = False,
) -> None:
    """Write a trained model with its model card into a folder; to the hub only with --push."""
    from cotspec.cli.export import Arguments, run

    raise typer.Exit(
        run(Arguments(spec=spec, place=place or (), adapter=adapter, terms=terms, push=push, public=public))
    )
