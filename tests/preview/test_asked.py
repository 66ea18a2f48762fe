"""What a model will be asked for a text is shown before it is asked, as the task that asks it renders it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.preview.makings import write
from tests.support import Run

SPEC = """\
cotspec: 2
name: own
models:
  student: {builtin: tiny-student}
  far: {endpoint: {url: "https://far.example/v1", model: big}, chat: true, system: Be brief.}
data:
  r1: {file: r1.jsonl, trace: trace}
  r2: {file: r2.jsonl, trace: trace}
  test: {builtin: chains, split: test, size: 20}
generate:
  draft: {by: student, over: r1, prompt: solve.jinja, sampling: {n: 2, temperature: 0.7, max_new_tokens: 90}}
  short:
    by: far
    over: draft
    prompt: shorten.jinja
    slice: [1, 3]
    keep: {where: short.correct and short.words < draft.words, pick: shortest}
    sampling: {n: 2}
  lessons: {by: far, over: r2, gather: 2, prompt: lessons.jinja, sampling: {max_new_tokens: 50}}
  tries: {by: student, over: short, keep: {where: tries.score == 0}}
stages:
  learn: {start: student, train: {by: sft, lr: 1e-4, global_batch: 2}, rows: {from: short}, task: solve}
  again: {start: learn, train: {by: sft, lr: 1e-4, global_batch: 2}, rows: {from: tries, target: short}, task: solve}
  told:
    start: student
    train: {by: distill, teacher: student, context: told.jinja, lr: 1e-4, global_batch: 2, max_length: 600}
    rows: {from: short}
    task: solve
    reads: [lessons]
evaluate: {data: test, of: [learn, again, told]}
resources: {train: {gpus: 0}, generate: {gpus: 0}}
variants: {warm: {generate.draft.sampling.temperature: 1.0}}
"""
PROMPTS = {
    "solve.jinja": "{{ question }}\n",
    "shorten.jinja": "Q: {{ question }}\nLong: {{ draft }}\nWorked: {{ r1 }}\nShort:",
    "lessons.jinja": "{{ r2 }}\nWhat is to be learnt?\n",
    "told.jinja": "{{ lessons }}\n{{ question }}\n",
}


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A project with texts over texts, of which nothing was run."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "own.yaml").write_text(SPEC, encoding="utf-8")
    (tmp_path / "cotspec.local.yaml").write_text('endpoints: {"https://far.example/v1": {}}\n', encoding="utf-8")
    for name, text in PROMPTS.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    for name, plus in (("r1", 1), ("r2", 2)):
        worked = [(f"{n} + {plus}?", f"Step 1: {n} + {plus}\nAnswer: {n + plus}", n + plus) for n in range(5)]
        lines = [{"question": question, "trace": trace, "answer": answer} for question, trace, answer in worked]
        write(tmp_path / f"{name}.jsonl", lines)
    return tmp_path


def shown(run: Run, folder: Path, *arguments: str) -> str:
    code, out, err = run(*arguments, folder=folder)
    assert code == 0, err
    return out


def test_the_prompt_of_a_text_over_data_is_that_of_a_real_row(own: Path, run: Run) -> None:
    out = shown(run, own, "own.yaml:draft", "--row", "2")
    assert out.startswith("real rows: 5 rows of r1.jsonl\n")
    assert "own, text draft: written by tiny-student\nprompt 2: record 2, place 3 of 5\n" in out
    assert "Prompt   3 words, 7 characters\n             │ 2 + 1?\n" in out
    assert "Drawn   2 texts; temperature 0.7, at most 90 tokens\n" in out
    assert "temperature 1," in shown(run, own, "own.yaml@warm:draft")


def test_a_prompt_shows_the_texts_it_reads_who_is_asked_and_what_goes_on(own: Path, run: Run) -> None:
    given = {"trace": "So 9.\nAnswer: 9", "before": ["Step 1: 8 + 1\nAnswer: 9"]}
    rows = [{"question": f"{n} and 1?", "answer": "9", **given} for n in range(4)]
    out = shown(run, own, "own.yaml", "short", "--traces", str(write(own / "t.jsonl", rows)))
    assert "own, text short: written by big\nprompt 0: record 1, place 1 of 2\n" in out, "of its slice"
    assert [line for line in out.splitlines() if line.startswith(("draft", "r1"))] == [
        "draft   4 words, 15 characters",
        "r1   7 words, 23 characters",
    ]
    prompt = out.partition("\nPrompt")[2]
    told = ["Q: 1 and 1?", "Long: So 9.", "Answer: 9", "Worked: Step 1: 8 + 1", "Answer: 9", "Short:"]
    assert [line.partition(" │ ")[2] for line in prompt.splitlines()[1:7]] == told
    assert "   the model gets it as a user's message, in its server's chat template\n   system turn: Be brief.\n" in out
    kept = "a text that was not cut at the token limit and is right and meets `short.words < draft.words`"
    assert " ".join(out.split()).endswith(f"Goes on {kept}; of several the shortest one")


def test_of_short_and_long_texts_both_are_told(own: Path, run: Run) -> None:
    spec = SPEC.replace("prompt: solve.jinja,", "prompt: solve.jinja, keep: {pick: {shortest: 0.5}},")
    (own / "own.yaml").write_text(spec, encoding="utf-8")
    out = shown(run, own, "own.yaml:draft")
    assert " ".join(out.split()).endswith("; of several the shortest or the longest one")


def test_gathered_records_are_shown_in_their_one_prompt(own: Path, run: Run) -> None:
    out = shown(run, own, "own.yaml:lessons", "--id", "3")
    assert "prompt 1: records 2 to 3, place 2 of 3\n" in out
    assert "Problem 1: 2 + 2?" in out
    assert "Solution 2:\n" in out
    assert "\nQuestion" not in out


def test_tries_are_asked_the_question_and_go_on_where_they_fail(own: Path, run: Run) -> None:
    out = shown(run, own, "own.yaml:tries")
    assert "meets `tries.score == 0`\n" in out


def test_what_a_filter_chooses_over_all_records_is_said(own: Path, run: Run) -> None:
    keep = "keep: {pick: longest, most: 3, distinct: text, best: {by: 1 - draft.words / 100, n: 4}}, sampling: {n: 5,"
    spec = SPEC.replace("prompt: solve.jinja, sampling: {n: 2,", f"prompt: solve.jinja, {keep}")
    (own / "own.yaml").write_text(spec, encoding="utf-8")
    told = " ".join(shown(run, own, "own.yaml:draft").split()).partition("Goes on a text that ")[2]
    assert told == (
        "was not cut at the token limit; of texts of one record with equal words one; of several at most 3 of them, "
        "the longest; of all of them the 4 with the highest `1 - draft.words / 100`"
    )


def test_what_is_failed_goes_on_as_a_record(project: Path, run: Run) -> None:
    out = shown(run, project, "specs/bridge-tiny.yaml:tries")
    assert "text tries: written by stage compress\n" in out
    assert out.endswith("Goes on   the record, where every try is wrong\n")


def test_a_stage_is_shown_samples_of_all_texts_that_its_prompt_reads(own: Path, run: Run) -> None:
    spec = SPEC.replace("rows: {from: short}, task: solve}", "rows: {from: short}, prompt: seen.jinja, task: solve}", 1)
    (own / "own.yaml").write_text(spec, encoding="utf-8")
    (own / "seen.jinja").write_text("{{ question }}\n{{ r1 }}\n", encoding="utf-8")
    out = shown(run, own, "own.yaml:learn")
    assert "\nr1   " in out


def test_a_program_gets_the_prompt_and_what_was_asked_for(own: Path, run: Run) -> None:
    told = json.loads(shown(run, own, "own.yaml:draft", "--format", "json"))
    assert (told["text"], told["prompt"], told["prompts"]) == ("draft", "0 + 1?\n", 5)
    assert told["records"] == [{"id": 0, "question": "0 + 1?", "answer": "1"}]
    assert (told["samples"], told["sampling"]["temperature"], told["chat"]) == (2, 0.7, None)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ("own.yaml:draft", "--try", "teacher"),
            "`draft` is a text that a model writes: of it the prompt is shown, so",
        ),
        (("own.yaml:draft", "--row", "5"), "no prompt 5: there are 5, 0 to 4"),
        (("own.yaml:draft", "--id", "7"), "no record 7: there are 5, between 0 and 4"),
        (
            ("own.yaml:darft",),
            "`own` has no stage `darft`, and no text `darft` that something uses: did you mean `draft`?",
        ),
        (("own.yaml@hot:draft",), "`hot`"),
    ],
)
def test_what_there_is_not_is_said(arguments: tuple[str, ...], said: str, own: Path, run: Run) -> None:
    code, out, err = run(*arguments, folder=own)
    assert (code, out) == (2, "")
    assert said in err
