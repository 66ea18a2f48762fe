"""Prompts in tokens: what a tokenizer or a chat template adds never ends a prompt and never begins it twice."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import bodies
import pytest
from conftest import SOLVE, Run, Stage, write_lines

from cotspec.runtime import models
from cotspec.runtime.encoding import Chat
from cotspec.runtime.errors import TaskError
from cotspec.runtime.trainers import sft
from cotspec.spec.payload import EvaluateBody, InputModel, Sampling

pytest.importorskip("trl", reason="these tests need the `train` extra")

QWEN = (
    "{% if thoughts is defined and not thoughts %}{% set close = '</think>' %}{% endif %}"
    "{% for m in messages %}<|end|>{{ m.role }}\n{{ m.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant\n{{ close }}{% endif %}"
)


def changed(model: Path, folder: Path, *, single: str | None = None, **tokens: Any) -> Path:
    """A copy of a model whose tokenizer puts `single` (such as `[BOS] $A [EOS]`) around every text."""
    from tokenizers.processors import TemplateProcessing
    from transformers import PreTrainedTokenizerFast

    shutil.copytree(model, folder)
    (folder / "sample_encoding.json").unlink()
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder, **tokens)
    if single is not None:
        names = {"BOS": tokenizer.bos_token or "<|pad|>", "EOS": tokenizer.eos_token}
        text = single.replace("[BOS]", names["BOS"]).replace("[EOS]", names["EOS"])
        specials = [(name, tokenizer.convert_tokens_to_ids(name)) for name in set(names.values())]
        tokenizer.backend_tokenizer.post_processor = TemplateProcessing(single=text, special_tokens=specials)
    tokenizer.save_pretrained(folder)
    return folder


def encoder(folder: Path, chat: Chat | None = None) -> models.Encoder:
    origin = models.ModelSource(folder=folder, chat=chat, trust_remote_code=False)
    return models.load_encoder(origin, models.load_tokenizer(origin))


PLAIN = "Ann has 3 apples. How many?\n"


@pytest.mark.parametrize("single", ["$A [EOS]", "[BOS] $A [EOS]", "[BOS] $A", "$A [EOS] [EOS]"])
def test_a_prompt_keeps_what_stands_before_a_text_and_loses_what_stands_after(
    tiny_model: Path, tmp_path: Path, single: str
) -> None:
    given = encoder(changed(tiny_model, tmp_path / "m", single=single, bos_token="<|pad|>"))
    text = encoder(tiny_model)(PLAIN)
    assert given.tokenizer(PLAIN)["input_ids"] != text  # the tokenizer does add something
    assert given(PLAIN) == ([1] if single.startswith("[BOS]") else []) + text


def test_a_prompt_that_writes_its_own_beginning_has_one(tiny_model: Path, tmp_path: Path) -> None:
    given = encoder(changed(tiny_model, tmp_path / "m", single="[BOS] $A", bos_token="<|pad|>"))
    assert given("<|pad|>" + PLAIN) == given(PLAIN)
    template = "{{ bos_token }}{{ bos_token }}{{ messages[0].content }}"
    chat = encoder(changed(tiny_model, tmp_path / "c", bos_token="<|pad|>", chat_template=template), Chat())
    assert chat(PLAIN) == given(PLAIN)


def test_a_prompt_that_ends_the_text_is_refused(tiny_model: Path, tmp_path: Path) -> None:
    with pytest.raises(TaskError, match=r"ends with `<\|end\|>`.*take it off the prompt"):
        encoder(tiny_model)(PLAIN + "<|end|>")
    closed = changed(tiny_model, tmp_path / "c", chat_template="{{ messages[0].content }}{{ eos_token }}")
    with pytest.raises(TaskError, match="take it off the chat template"):
        encoder(closed, Chat())(PLAIN)
    folder = changed(tiny_model, tmp_path / "d")
    config = json.loads((folder / "generation_config.json").read_text())
    (folder / "generation_config.json").write_text(json.dumps(config | {"eos_token_id": [0, 1]}))
    with pytest.raises(TaskError, match=r"`<\|pad\|>`"):
        encoder(folder)(PLAIN + "<|pad|>")


def test_a_line_break_that_ends_completions_may_end_a_prompt(tiny_model: Path, tmp_path: Path) -> None:
    folder = changed(tiny_model, tmp_path / "m")
    break_ = encoder(folder)("\n")[-1]
    config = json.loads((folder / "generation_config.json").read_text())
    (folder / "generation_config.json").write_text(json.dumps(config | {"eos_token_id": [0, break_]}))
    assert encoder(folder)(PLAIN)[-1] == break_


def test_an_empty_prompt_is_refused_whatever_the_tokenizer_adds(tiny_model: Path, tmp_path: Path) -> None:
    for folder in (tiny_model, changed(tiny_model, tmp_path / "m", single="[BOS] $A [EOS]", bos_token="<|pad|>")):
        with pytest.raises(TaskError, match="a prompt is empty"):
            encoder(folder)("")


# --- chat -------------------------------------------------------------------------------------------------------------


def text_of(given: models.Encoder, prompt: str = "HOW?") -> str:
    return str(given.tokenizer.decode(given(prompt)))


def test_system_and_arguments_reach_the_chat_template(tiny_model: Path, tmp_path: Path) -> None:
    folder = changed(tiny_model, tmp_path / "m", chat_template=QWEN)
    assert text_of(encoder(folder, Chat())) == "<|end|>user\nHOW?\nassistant\n"
    told = Chat(system="Be brief.", template={"thoughts": False})
    assert text_of(encoder(folder, told)) == "<|end|>system\nBe brief.\n<|end|>user\nHOW?\nassistant\n</think>"


def test_what_a_chat_template_would_ignore_is_refused(tiny_model: Path, tmp_path: Path) -> None:
    folder = changed(tiny_model, tmp_path / "m", chat_template=QWEN)
    with pytest.raises(TaskError, match="does not read `thougths`"):
        encoder(folder, Chat(template={"thougths": False}))
    deaf = changed(tiny_model, tmp_path / "d", chat_template="{{ messages[-1].content }}")
    with pytest.raises(TaskError, match="leaves `system` out"):
        encoder(deaf, Chat(system="Be brief."))("HOW?")
    strict = "{% if messages[0].role == 'system' %}{{ raise_exception('no system turn') }}{% endif %}hello"
    with pytest.raises(TaskError, match="chat template fails: no system turn"):
        encoder(changed(tiny_model, tmp_path / "s", chat_template=strict), Chat(system="Be brief."))("HOW?")


# --- every task -------------------------------------------------------------------------------------------------------


def test_an_sft_row_has_one_end_and_it_is_the_targets(tiny_model: Path, tmp_path: Path) -> None:
    from cotspec.cot.records import SftRow

    row = SftRow(row=0, epoch=0, id=0, prompt=PLAIN, target="Answer: 3", supervise=((0, 9),))
    plain = sft.tokenise(row, encoder(tiny_model))
    ends = sft.tokenise(row, encoder(changed(tiny_model, tmp_path / "m", single="$A [EOS]")))
    assert ends == plain
    assert plain.input_ids.count(0) == 1


def test_a_tokenizer_that_ends_every_text_changes_no_answer_and_no_training(
    stage: Stage, run_here: Run, problems: Path, tiny_model: Path, tmp_path: Path
) -> None:
    """Seen before: accuracy 35 → 10 %, exit 0."""
    ends = changed(tiny_model, tmp_path / "ends", single="$A [EOS]")
    sampling = Sampling(n=1, temperature=1.0, top_p=1.0, top_k=0, max_new_tokens=6)
    body = EvaluateBody(model=bodies.MODEL, prompt=SOLVE, sampling=sampling, format=bodies.FORMAT, seed=1)
    for name, model in (("one", tiny_model), ("two", ends)):
        folder = stage(name, body, {"problems": problems, "model": model})
        code, _, err = run_here(folder)
        assert code == 0, err
    rows = write_lines(tmp_path / "rows.jsonl", bodies.grpo_rows(2))
    logs = []
    for name, model in (("three", tiny_model), ("four", ends)):
        folder = stage(name, bodies.grpo(iterations=1), {"rows": rows, "model": model}, per_device_batch=8)
        code, _, err = run_here(folder)
        assert code == 0, err
        logs.append((folder / "out/log.jsonl").read_bytes())
    made = [(tmp_path / f"generated/stages/{name}/out/predictions.jsonl").read_bytes() for name in ("one", "two")]
    assert made[0] == made[1]
    assert logs[0] == logs[1]


def test_grpo_feeds_the_model_what_generation_feeds_it(
    stage: Stage, run_here: Run, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers import LlamaForCausalLM

    folder = changed(tiny_model, tmp_path / "m", single="[BOS] $A [EOS]", bos_token="<|pad|>", chat_template=QWEN)
    fed: list[list[int]] = []
    whole = LlamaForCausalLM.generate

    def generate(self: Any, **given: Any) -> Any:
        masks = given["attention_mask"].tolist()
        fed.extend(
            [t for t, m in zip(ids, mask, strict=True) if m]
            for ids, mask in zip(given["input_ids"].tolist(), masks, strict=True)
        )
        return whole(self, **given)

    monkeypatch.setattr(LlamaForCausalLM, "generate", generate)
    records = bodies.grpo_rows(2)
    rows = write_lines(tmp_path / "rows.jsonl", records)
    start = InputModel(chat=True, trust_remote_code=False, system="Be brief.", template={"thoughts": False})
    task = stage("chat", bodies.grpo(start=start, iterations=1), {"rows": rows, "model": folder}, per_device_batch=8)
    code, _, err = run_here(task)
    assert code == 0, err
    given = encoder(folder, Chat(system="Be brief.", template={"thoughts": False}))
    assert sorted(fed) == sorted(given(record["prompt"]) for record in records for _ in range(4))


def test_a_model_without_a_tokenizer_is_told_and_none_is_made_up(tiny_model: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_model, tmp_path / "mute", ignore=shutil.ignore_patterns("token*"))
    with pytest.raises(TaskError, match=r"^mute comes without a tokenizer: take that of the model it was made from"):
        models.load_tokenizer(models.ModelSource(folder=tmp_path / "mute", chat=None, trust_remote_code=False))
