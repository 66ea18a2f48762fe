"""The row that is shown is the row that is trained on, wherever its records come from."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cotspec import workspace
from cotspec.compiler import compile_specs
from cotspec.cot.measures import words
from cotspec.cot.records import GrpoRow, SftRow, TraceRecord
from cotspec.cot.row_counts import Counts
from cotspec.cot.rows import Dropped, build
from cotspec.diagnostics import Sink
from cotspec.preview import record_source, row, stage
from cotspec.preview.make import Request, make
from cotspec.preview.row import Wanted
from cotspec.preview.stage import PreviewError
from cotspec.runtime.__main__ import execute
from cotspec.runtime.task import load
from tests.preview.makings import LEAKING, plan, records, write
from tests.support import Run, spec_data

REAL = Path(__file__).parents[2] / "../shared/data/bridge/traces-200.jsonl"
MASKS = st.fixed_dictionaries(
    {"share": st.sampled_from([0.0, 0.5, {"from": 0.0, "to": 1.0}]), "rows": st.sampled_from([0.5, 1.0])},
    optional={
        "unit": st.sampled_from(["step", "sentence", "number", "equation"]),
        "select": st.sampled_from(["random", "scattered", "last"]),
        "leave": st.integers(0, 2),
    },
)


def trained_on(project: Path, stage: str) -> list[dict[str, object]]:
    """rows.jsonl of a stage, made by the runtime's own task."""
    found = [path for path in project.glob("generated/stages/rows-*") if stage in path.name]
    (folder,) = found
    execute(load(folder / "payload.json", folder / "run.json"))
    return [json.loads(line) for line in (folder / "out/rows.jsonl").read_text(encoding="utf-8").splitlines()]


def built(project: Path) -> None:
    found = compile_specs({"specs/small.yaml": project / "specs/small.yaml"}, Sink())
    workspace.write(project, found.files)


@pytest.mark.parametrize(
    ("name", "kind"), [("structure", "reconstruct"), ("compress", "complete"), ("rewrite", "rewrite")]
)
def test_each_row_is_byte_for_byte_the_one_in_rows_jsonl(project: Path, run: Run, name: str, kind: str) -> None:
    built(project)
    lines = [asdict(record) for record in records(40)]
    lines[3]["trace"] = "no steps here"
    (traces,) = project.glob("generated/stages/traces-*")
    (mine,) = project.glob("generated/stages/mine-*")
    write(traces / "out/traces.jsonl", lines)
    write(mine / "out/failures.jsonl", [{**line, "attempts": ["x", "y"]} for line in lines[::4]])
    rows = trained_on(project, kind)
    whole = plan()
    for number, trained in enumerate(rows):
        shown = make(whole, Request(spec="", stage=name, wanted=Wanted(row=number)), root=project)
        assert shown.source.kind == "real"
        assert json.loads(json.dumps(asdict(shown.picked.attempt.row))) == trained  # type: ignore[call-overload]
    code, out, _ = run("specs/small.yaml", name, "--row", str(len(rows) - 1), "--format", "json")
    assert code == 0
    assert json.loads(out)["prompt"] == rows[-1]["prompt"]
    assert json.loads(out)["source"]["kind"] == "real"
    assert run("specs/small.yaml", name, "--row", str(len(rows)))[0] == 2


@given(mask=MASKS, shuffle=st.booleans(), epochs=st.integers(1, 3), picks=st.data())
@settings(deadline=None, max_examples=40)
def test_any_mask_shows_the_rows_of_the_kernel(
    mask: dict[str, object], shuffle: bool, epochs: int, picks: st.DataObject
) -> None:
    train = {"by": "sft", "epochs": epochs, "lr": 0.001, "global_batch": 8}
    of = stage.find(plan({"mask": mask, "shuffle": shuffle, "train": train}), "structure")
    leaking = TraceRecord(id=90, question="Q", answer="8", trace=LEAKING, steps=3, words=9, tokens=9)
    given = (*records(7), leaking)
    rows = list(build(of.rows, given, Counts()))
    from_file = record_source.RecordSource(kind="given", records=given, body=of.rows, about="")
    number = picks.draw(st.integers(0, len(rows) - 1))
    assert row.find(from_file, Wanted(row=number)).attempt.row == rows[number]
    by_record = row.find(from_file, Wanted(id=rows[number].id, epoch=rows[number].epoch))
    assert by_record.attempt.row == rows[number]
    hidden = by_record.view.hidden if by_record.view else ()
    assert row.without(hidden, by_record.hidden_to_close_leaks) == row.without(
        by_record.view.chosen if by_record.view else (), ()
    )


def test_real_traces_are_shown_as_the_kernel_makes_them(project: Path, run: Run) -> None:
    if not REAL.exists():
        pytest.skip("needs the released BRIDGE traces (shared/data), which are not part of the repository")
    lines = [json.loads(line) for line in REAL.read_text(encoding="utf-8").splitlines()]
    given = [{"question": one["question"], "answer": one["gold_answer"], "trace": one["teacher_cot"]} for one in lines]
    write(project / "real.jsonl", given)
    code, out, _ = run(
        "specs/bridge-gsm8k.yaml", "structure", "--traces", "real.jsonl", "--row", "862", "--format", "json"
    )
    shown = json.loads(out)
    assert code == 0
    assert (shown["source"]["kind"], shown["source"]["records"]) == ("given", 200)
    assert [leak["kind"] for leak in shown["trace"]["leaks_closed"]] == ["repeat"]
    assert shown["trace"]["hidden_to_close_leaks"]
    assert shown["teacher"]["words"] == words(given[shown["row"]["id"]]["trace"])
    code, out, _ = run(
        "specs/bridge-gsm8k.yaml", "compress", "--traces", "real.jsonl", "--row", "599", "--try", "teacher"
    )
    assert code == 0
    assert "the stage's slice begins at 2,000, after their end, and is left out" in out.splitlines()[0]
    assert run("specs/bridge-gsm8k.yaml", "compress", "--traces", "real.jsonl", "--row", "600")[2].startswith(
        "cotspec: no row 600: there are 600 rows, 0 to 599"
    )


def test_rows_are_numbered_without_those_that_were_dropped(project: Path, run: Run) -> None:
    lines = [{"id": at, "question": f"Q{at}", "answer": "8", "trace": LEAKING if at % 2 else "none"} for at in range(4)]
    write(project / "t.jsonl", lines)
    shown = [
        json.loads(run("specs/small.yaml", "structure", "--traces", "t.jsonl", "--row", str(at), "--format", "json")[1])
        for at in range(4)
    ]
    assert [one["row"]["row"] for one in shown] == [0, 1, 2, 3]
    assert {one["row"]["id"] for one in shown} == {1, 3}
    assert [one["row"]["epoch"] for one in shown] == [0, 0, 1, 1]
    assert {tuple(drop.items()) for drop in shown[-1]["row"]["dropped_before"]} <= {
        (("id", id), ("epoch", epoch), ("reason", "no_steps"), ("leak", None)) for id in (0, 2) for epoch in (0, 1)
    }
    code, _, err = run("specs/small.yaml", "structure", "--traces", "t.jsonl", "--row", "4")
    assert (code, err) == (
        2,
        "cotspec: no row 4: there are 4 rows, 0 to 3; 4 more were dropped (`--id N` shows one: 0, 2)\n",
    )


@pytest.mark.parametrize(
    ("changes", "trace", "says"),
    [
        pytest.param({}, "Only words.\nAnswer: 8", "the trace has no steps by the openers of `trace:`", id="no_steps"),
        pytest.param(
            {"loss": ["thinking"]},
            "Step 1: 5 + 3 = 8.\nAnswer: 8",
            "nothing of the target would carry loss",
            id="nothing_supervised",
        ),
        pytest.param(
            {"mask": {"select": "first", "count": 1}},
            "Step 1: notes, out\nStep 2: Then 8.\nAnswer: 8",
            "",
            id="built",
        ),
    ],
)
def test_a_record_that_becomes_no_row_is_shown_with_the_reason(
    project: Path, run: Run, changes: dict[str, object], trace: str, says: str
) -> None:
    of = plan(changes)
    given = write(project / "t.jsonl", [{"question": "Q", "answer": "8", "trace": trace}])
    shown = make(of, Request(spec="", stage="structure", traces=given), root=project)
    assert (shown.prompt is None) == bool(says)
    assert isinstance(shown.picked.attempt.row, Dropped if says else SftRow)


def test_a_leak_that_cannot_be_closed_shows_what_leaked(project: Path, run: Run) -> None:
    """The placeholder itself gives the hidden step away: no hiding helps."""
    of = plan({"mask": {"select": "first", "count": 1, "placeholder": "we take it"}})
    given = write(
        project / "t.jsonl", [{"question": "Q", "answer": "8", "trace": "Step 1: we take it\nStep 2: 8.\nAnswer: 8"}]
    )
    shown = make(of, Request(spec="", stage="structure", traces=given), root=project)
    assert shown.picked.none_built
    assert shown.picked.dropped is not None
    assert shown.picked.dropped.leak == "repeat: we take it"
    assert shown.picked.view is not None
    assert shown.picked.view.chosen


def test_a_failures_stage_shows_traces_until_failures_are_mined(project: Path, run: Run) -> None:
    built(project)
    (traces,) = project.glob("generated/stages/traces-*")
    write(traces / "out/traces.jsonl", [asdict(record) for record in records(9)])
    code, out, _ = run("specs/small.yaml", "rewrite")
    assert code == 0
    assert out.startswith(
        "stand-in rows: this stage trains on failures, which are not made yet; these are all traces, "
    )
    assert "dvc repro generated/stages/mine-" in out.splitlines()[1]
    (mine,) = project.glob("generated/stages/mine-*")
    write(mine / "out/failures.jsonl", [asdict(record) | {"attempts": ["x"]} for record in records(9)[4:6]])
    code, out, _ = run("specs/small.yaml", "rewrite")
    assert out.startswith(
        f"real rows: the failures of an earlier run, generated/stages/{mine.name}/out/failures.jsonl\n"
    )


def test_a_sample_says_so_first_and_how_to_get_real_rows(project: Path, run: Run) -> None:
    first, second, third = run("specs/bridge-tiny.yaml", "structure")[1].splitlines()[:3]
    assert first.startswith("sample rows, not the real ones: 16 problems of builtin:chains, ")
    assert "cotspec build specs/bridge-tiny.yaml && dvc repro generated/stages/traces-" in second
    assert third.endswith("or: --traces FILE")


def test_a_sample_says_that_a_filter_has_not_been_asked() -> None:
    kept = {"generate": spec_data("small")["generate"]}
    kept["generate"]["teach"]["keep"] = {"where": "not teach.correct"}
    found = record_source.choose(stage.find(plan(spec=kept), "structure"), root=Path("/nowhere"), spec="s.yaml")
    told = "; they are right, and whether they meet the filter of the text is not asked"
    assert found.about.endswith(f"and not by the teacher{told}")


@pytest.mark.parametrize(
    "openers",
    [
        {"thinking": "<think>", "step": "{n}.", "answer": "Result ="},
        {"thinking": "**Thoughts**", "step": "### Schritt {n}", "answer": "####"},
    ],
)
@pytest.mark.parametrize("builtin", [True, False])
def test_a_sample_is_written_with_the_specs_own_openers(openers: dict[str, str], builtin: bool) -> None:
    from tests.support import sealed, spec_data

    data = spec_data("small")
    data["trace"] = {name: {"opens": text} for name, text in openers.items()}
    if not builtin:
        data["data"]["train"] = {"hub": "owner/name"}
    of = stage.find(sealed(data).plan, "compress")
    found = record_source.choose(of, root=Path("/nowhere"), spec="s.yaml")
    assert len(found.records) > 4
    for at in range(4):
        attempt = row.find(found, Wanted(row=at)).attempt
        assert isinstance(attempt.row, GrpoRow)
        assert [segment.kind for segment in attempt.trace.segments] == [
            "thinking",
            *["step"] * len(attempt.trace.steps),
            "answer",
        ]
        assert attempt.trace.answer is not None
        assert attempt.trace.body(attempt.trace.answer) == attempt.record.answer


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("not json\n", "t.jsonl:1: ", id="not_json"),
        pytest.param(
            '{"question": "Q", "answer": "1", "trace": "x"}\n\n{"question": "Q", "answer": "1"}\n',
            "t.jsonl:3: `trace`: field required",
            id="a_key_is_missing",
        ),
        pytest.param(
            '{"question": "Q", "answer": 1, "trace": "x"}\n',
            "t.jsonl:1: `answer`: input should be a valid string",
            id="a_wrong_type",
        ),
        pytest.param(
            '{"id": 1, "question": "Q", "answer": "1", "trace": "x"}\n' * 2,
            "t.jsonl:2: id 1 is also that of line 1",
            id="two_of_one_id",
        ),
        pytest.param("\n", "t.jsonl holds no record", id="empty"),
    ],
)
def test_a_file_of_traces_that_cannot_be_read_is_named_with_the_line(
    project: Path, run: Run, text: str, says: str
) -> None:
    (project / "t.jsonl").write_text(text, encoding="utf-8")
    code, out, err = run("specs/small.yaml", "structure", "--traces", "t.jsonl")
    assert (code, out) == (2, "")
    assert says in err


def test_a_file_without_the_texts_that_rows_read_is_refused(tmp_path: Path) -> None:
    from tests.support import sealed, spec_data

    data = spec_data("small")
    data["generate"]["refined"] = {"by": "student", "over": "teach"}
    data["stages"]["structure"]["rows"] = {"from": "refined", "target": "teach"}
    of, file = stage.find(sealed(data).plan, "structure"), tmp_path / "t.jsonl"
    line = {"question": "Q", "answer": "1", "trace": "x"}
    write(file, [line])
    with pytest.raises(PreviewError, match=r"t\.jsonl:1: `before`: rows of this stage read 1 text that a record was"):
        record_source.choose(of, root=tmp_path, spec="s.yaml", given=file)
    write(file, [line | {"before": ["a"]}])
    assert record_source.choose(of, root=tmp_path, spec="s.yaml", given=file).records[0].trace == "x"


def test_a_missing_file_an_unknown_id_and_an_epoch_too_many_are_usage(project: Path, run: Run) -> None:
    assert (
        run("specs/small.yaml", "structure", "--traces", "no.jsonl")[2]
        == "cotspec: no.jsonl cannot be read: No such file or directory\n"
    )
    assert (
        "no record 99 in this stage: it has 16, between 0 and 15"
        in run("specs/small.yaml", "structure", "--id", "99")[2]
    )
    assert (
        "no epoch 2: the stage has 2, counted from 0"
        in run("specs/small.yaml", "structure", "--id", "1", "--epoch", "2")[2]
    )
    assert run("specs/small.yaml", "structure", "--id", "1", "--epoch", "1")[0] == 0


def test_no_rows_at_all_because_of_an_empty_slice_is_said(project: Path) -> None:
    from tests.support import sealed, spec_data

    of = stage.find(sealed(spec_data("small")).plan, "compress")
    few = record_source.RecordSource(kind="real", records=tuple(records(5)), body=of.rows, about="")
    with pytest.raises(PreviewError, match=r"the slice \[20, 40\] of 5 records is empty"):
        row.find(few, Wanted())


def test_what_a_teacher_reads_in_place_of_the_prompt_is_shown(project: Path, run: Run) -> None:
    spec = project / "specs/tiny-distill.yaml"
    same = json.loads(run("specs/tiny-distill.yaml", "distill", "--format", "json")[1])
    assert same["teacher_reads"] == {"prompt": same["prompt"], "chat": None}
    assert same["target"] is None
    text = spec.read_text(encoding="utf-8")
    spec.write_text(text.replace("divergence: reverse", "context: prompts/rebuild.jinja"), encoding="utf-8")
    told = json.loads(run("specs/tiny-distill.yaml", "distill", "--format", "json")[1])
    assert told["prompt"] == same["prompt"]
    assert told["teacher_reads"]["prompt"] == f"Q: {told['question']}\n{told['trace']['text'].strip()}\nA:\n"
    assert told["teacher_reads"]["prompt"].splitlines()[-2] in run("specs/tiny-distill.yaml", "distill")[1]
    spec.write_text(text.replace("divergence: reverse", "over: rows").replace("sampling: {temperature: 1.0", "#"))
    given = json.loads(run("specs/tiny-distill.yaml", "distill", "--format", "json")[1])
    assert given["target"]["text"] == given["trace"]["text"].rstrip()
