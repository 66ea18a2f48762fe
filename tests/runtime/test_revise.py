"""Texts that another model corrects: the place, the token and what follows are those computed by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import small

torch = pytest.importorskip("torch", reason="generation tests need the `train` extra")
transformers = pytest.importorskip("transformers", reason="generation tests need the `train` extra")

from conftest import Run, Stage, write_lines  # noqa: E402
from generating import text  # noqa: E402

from cotspec.runtime import lines  # noqa: E402
from cotspec.runtime.records import LaterRollout  # noqa: E402
from cotspec.spec.payload import InputModel, Sampling  # noqa: E402

GREEDY = Sampling(n=1, temperature=0.0, top_p=1.0, top_k=0, max_new_tokens=9)
OTHER = InputModel(chat=False, trust_remote_code=False)
RECORDS = [
    {"id": k, "question": row["prompt"], "answer": "1", "trace": row["target"], "steps": 1, "words": 3, "tokens": 4}
    for k, row in enumerate(small.sft_rows(6))
]
FIELDS = ["text.revise"]


def by_hand(writer: Path, other: Path, record: dict[str, Any]) -> tuple[str, str]:
    """The text up to the correction, and all of it, one place and one token after the other."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(writer)
    both = [transformers.AutoModelForCausalLM.from_pretrained(each) for each in (writer, other)]
    prompt = tokenizer(record["question"])["input_ids"]
    ids = [*tokenizer(record["trace"])["input_ids"], small.END]
    apart = []
    for at in range(len(ids)):
        with torch.no_grad():
            after = [each(torch.tensor([[*prompt, *ids[:at]]])).logits[0, -1] for each in both]
            own, others = [logits[: len(tokenizer)].softmax(-1) for logits in after]  # one has vectors of no token
        token = int(others.argmax())
        if token != ids[at]:
            apart.append((float((others * (others / own).log()).sum()), at, token))
    if not apart:
        return record["trace"], record["trace"]
    _, at, token = max(apart)
    kept = [*ids[:at], *([] if token == small.END else [token])]
    begin, new = tokenizer.decode(kept), list[int]()
    if token != small.END:
        before = [*prompt, *tokenizer(begin)["input_ids"]]
        while len(new) < GREEDY.max_new_tokens and small.END not in new:
            with torch.no_grad():
                new.append(int(both[0](torch.tensor([[*before, *new]])).logits[0, -1].argmax()))
    return begin, begin + tokenizer.decode(new, skip_special_tokens=True)


def test_a_text_is_corrected_where_the_models_differ_most_and_its_writer_goes_on(
    stage: Stage, tmp_path: Path, small_model: Path, small_teacher: Path, run_here: Run
) -> None:
    wanted = [by_hand(small_model, small_teacher, record) for record in RECORDS]
    assert any(begin != record["trace"] for (begin, _), record in zip(wanted, RECORDS, strict=True))
    files = {"traces": write_lines(tmp_path / "traces.jsonl", RECORDS), "model": small_model, "revise": small_teacher}
    for batch in (1, 4):
        body = text(prompt="{{ question }}", sampling=GREEDY, revise=(OTHER,))
        folder = stage(f"revised-{batch}", body, files, generate_batch=batch)
        code, out, err = run_here(folder)
        assert code == 0, err
        assert "texts are corrected at one place" in out
        found = lines.read(folder / "out/rollouts.jsonl", LaterRollout)
        assert [each.text for each in found] == [whole for _, whole in wanted]
        assert [each.before for each in found] == [(record["trace"],) for record in RECORDS]


def test_a_text_that_the_model_would_have_written_stays_as_it_is(
    stage: Stage, tmp_path: Path, small_model: Path, run_here: Run
) -> None:
    """The other model is the writer, and the texts are what it says greedily."""
    longer = GREEDY.model_copy(update={"max_new_tokens": 40})
    records = write_lines(tmp_path / "traces.jsonl", RECORDS)
    files = {"traces": records, "model": small_model, "revise": small_model}
    first = stage("first", text(prompt="{{ question }}", sampling=longer), {k: files[k] for k in ("traces", "model")})
    assert run_here(first)[0] == 0
    own = [one for one in lines.read(first / "out/rollouts.jsonl", LaterRollout) if not one.truncated and one.text]
    said = [
        record | {"trace": one.text, "tokens": one.tokens}
        for record in RECORDS
        for one in own
        if one.id == record["id"]
    ]
    assert said, "every text was cut"
    files["traces"] = write_lines(tmp_path / "said.jsonl", said)
    folder = stage("same", text(prompt="{{ question }}", sampling=GREEDY, revise=(OTHER,)), files)
    code, out, err = run_here(folder)
    assert code == 0, err
    assert f"0 of {len(said)} texts are corrected" in out
    found = lines.read(folder / "out/rollouts.jsonl", LaterRollout)
    assert [(one.text, one.tokens) for one in found] == [(one["trace"], one["tokens"]) for one in said]


def test_a_model_of_other_tokens_is_refused(
    stage: Stage, tmp_path: Path, small_model: Path, tiny_model: Path, run_here: Run
) -> None:
    files = {"traces": write_lines(tmp_path / "traces.jsonl", RECORDS), "model": small_model, "revise": tiny_model}
    code, _, err = run_here(stage("other", text(sampling=GREEDY, revise=(OTHER,)), files))
    assert code != 0
    assert "two vocabularies" in err
