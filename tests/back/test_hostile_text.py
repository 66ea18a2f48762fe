"""Text of a stranger never leaves its quotes: not in YAML, not in DVC's templates, not in a shell, not in JSON."""

from __future__ import annotations

import copy
import io
import json
import posixpath
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from cotspec.back.jobs import slurm
from cotspec.back.jobs.base import Job
from cotspec.back.jobs.skypilot import SkyPilot
from cotspec.back.registry import emit
from cotspec.back.rendering import HEADER, dvc_string, scalar
from cotspec.spec.experiment import Experiment
from tests.support import experiment, sealed, spec_data

pytest.importorskip("dvc", reason="DVC (cotspec[train]) is not installed")

NASTY = [
    *"'\"\\`$(){}[]%#&*!|>@:;,?~^=- \t\n\r",
    *(
        "${x}",
        "\\${x}",
        "{{ x }}",
        "{% x %}",
        "$(touch x)",
        "`touch x`",
        "&&",
        "||",
        "\n---\n",
        "\n...\n",
        "!!str ",
        "*a",
        "&a ",
    ),
    *("\u0085", "\u2028", "\ufeff", "\x00", "\x7f", "\x1b[2J", "é", "…", "😀", "\u202e", "\U000e0001", "\uffff"),
    *("no", "~", "1e-4", "008", "true", "<<", "EOF", "' ; rm -rf / #", "#SBATCH --wrap=x"),
]
TEXT = st.lists(st.sampled_from(NASTY) | st.characters(exclude_categories=["Cs"]), max_size=8).map("".join)
SOME = TEXT.filter(bool)
PATH_PARTS = [part for part in NASTY if part.isprintable() and not set(part) & set("/\\:~")]
PATH = st.lists(st.sampled_from(PATH_PARTS), min_size=1, max_size=5).map("".join).filter(lambda p: p.strip(". "))


def ruamel(text: str) -> Any:
    from ruamel.yaml import YAML

    return YAML(typ="safe").load(io.StringIO(text))


def resolved(value: object) -> object:
    """What DVC makes of a value once it has filled in its templates (there is nothing to fill in)."""
    from dvc.parsing.context import Context

    return Context().resolve(value)


@given(TEXT)
@example("a\u2028b\u0085c")
@example("\\${x} ${y}")
def test_a_quoted_text_is_the_same_to_every_reader(text: str) -> None:
    for quoted, meant in ((scalar(text), text), (dvc_string(text), dvc_string(text))):
        line = f"key: {quoted}\n"
        assert "\n" not in quoted
        assert line.isprintable() or line[:-1].isprintable()
        assert yaml.safe_load(line) == ruamel(line)
        if meant is text:
            assert yaml.safe_load(line) == {"key": text}
    assert resolved(yaml.safe_load(dvc_string(text))) == text


def hostile(texts: list[str], paths: list[str]) -> dict[str, Any]:
    """The spec that has every key, with hostile text in all that are free."""
    data: dict[str, Any] = copy.deepcopy(spec_data("everything"))
    data["about"] = texts[0]
    data["models"]["student"] |= {"hub": texts[1], "revision": texts[2]}
    data["models"]["teacher"] = {"path": paths[0]}
    data["data"]["train"] |= {"hub": texts[3], "config": texts[4], "question": texts[5], "revision": texts[6]}
    data["data"]["train"]["answer"] = {"field": texts[7], "after": texts[8]}
    data["data"]["valid"] = {"file": paths[1], "question": texts[9]}
    data["stages"]["structure"]["mask"]["placeholder"] = texts[10]
    data["stages"]["structure"]["train"]["lora"]["targets"] = [texts[11], texts[12]]
    data["trace"] = {
        "thinking": {"opens": texts[13]},
        "step": {"opens": texts[14] + "{n}"},
        "answer": {"opens": texts[15]},
    }
    data["stages"]["guided"]["reward"]["terms"]["judged"]["value"] = "liked.correct"  # no segment `critic` is declared
    return data


@settings(max_examples=15, deadline=None)
@given(st.lists(SOME, min_size=16, max_size=16), st.lists(PATH, min_size=2, max_size=2))
def test_what_is_built_of_hostile_text_is_read_back_as_it_was_meant(texts: list[str], paths: list[str]) -> None:
    data = hostile(texts, paths)
    files = emit(sealed(data).plan)
    said = json.dumps([json.loads(text) for path, text in files.items() if path.endswith("payload.json")])
    for text in texts:
        assert json.dumps(text)[1:-1] in said  # whole, wherever it belongs
    seen: set[str] = set()
    for path, text in files.items():
        if path.endswith("dvc.yaml"):
            plain = yaml.safe_load(text)
            assert plain == ruamel(text)
            for stage in plain["stages"].values():
                assert stage["cmd"] == ("bash generated/tables.sh" if path == "dvc.yaml" else "bash launch.sh")
                assert set(stage) == {"desc", "cmd", "deps"} | (set() if path == "dvc.yaml" else {"outs"})
                seen |= {str(resolved(dep)) for dep in stage["deps"]}
        elif path.endswith((".sh", ".sbatch")):
            assert strange(text) == [], path
    assert {f"../../../{posixpath.normpath(f'specs/{path}')}" for path in paths} <= seen


TEMPLATES = Path(__file__).parents[2] / "cotspec" / "back" / "templates"
FIXED = {line for path in TEMPLATES.iterdir() for line in path.read_text(encoding="utf-8").splitlines()}
FIXED |= {HEADER, "#SBATCH --requeue", *slurm.START.format(folder="", file="").splitlines()[1:-1]}
FILLED = re.compile(
    r"#SBATCH --[a-z-]+=[A-Za-z0-9_.,:/&-]+|# [a-z0-9-]+"
    r"|(# Sent by `cotspec submit slurm`.* sbatch|exec .* -m cotspec job) generated/[a-z0-9/.-]+"
    r"|cat generated/reports/[a-z0-9-]+/out/table\.txt 2>/dev/null"
)
"""Lines of scripts that are filled in: options of sbatch, the id and the folder of the task, and
the tables of experiments by their names."""


def strange(script: str) -> list[str]:
    """Lines that are neither fixed nor filled with a plain word."""
    return [line for line in script.splitlines() if line not in FIXED and not FILLED.fullmatch(line)]


def test_scripts_of_a_hostile_spec_are_scripts(tmp_path: Path) -> None:
    files = emit(sealed(hostile(["$(touch x)`touch y`' \"\n"] * 16, ["$(x)`y`' \".jsonl"] * 2)).plan)
    scripts = {text for path, text in files.items() if path.endswith((".sh", ".sbatch"))}
    for number, text in enumerate(sorted(scripts)):
        (tmp_path / f"{number}.sh").write_text(text, encoding="utf-8")
        subprocess.run(["bash", "-n", str(tmp_path / f"{number}.sh")], check=True)


SLURM = {"partition": "gpu", "account": "lab", "qos": "high", "time": "1:00:00", "mem": "64G"}


@given(st.sampled_from(sorted(SLURM)), TEXT)
@example("mem", "64G\n")
@example("partition", "gpu\n#SBATCH --wrap=x")
def test_a_setting_of_slurm_is_a_plain_word_or_refused(key: str, text: str) -> None:
    data = copy.deepcopy(spec_data("everything"))
    data["resources"]["slurm"] = SLURM | {key: text}
    try:
        experiment(data)
    except ValidationError:
        return
    assert re.fullmatch(r"[A-Za-z0-9_.,:-]+", text)


@given(SOME, TEXT)
@example("true\nrun: |\n  touch x", "'\"$(x)")
def test_commands_for_a_rented_machine_do_not_leave_their_quotes(setup: str, value: str) -> None:
    job = Job(id="sft-0", folder="generated/stages/sft-0", gpus=1)
    text = SkyPilot(accelerators="H100", setup=setup, envs={"A": value}).text(job)
    task = yaml.safe_load(text)
    assert task == ruamel(text)
    assert (task["setup"], task["envs"]) == (setup, {"A": value})
    assert task["run"] == yaml.safe_load(SkyPilot(accelerators="H100", setup="true").text(job))["run"]


@given(st.sampled_from(["name", "stage", "model", "variant"]), TEXT)
@example("name", "a\n")
def test_a_name_is_a_plain_word_or_refused(where: str, text: str) -> None:
    data = copy.deepcopy(spec_data("everything"))
    match where:
        case "name":
            data["name"] = text
        case "stage":
            data["stages"][text] = data["stages"]["structure"]
        case "model":
            data["models"][text] = {"builtin": "tiny-student"}
        case "variant":
            data["variants"] = {text: {"seed": 1}}
    try:
        Experiment.model_validate_json(json.dumps(data))
    except ValidationError:
        return
    assert re.fullmatch(r"[a-z0-9_-]+", text)
