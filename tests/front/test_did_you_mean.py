"""What a person who misspelt something is told: the right word, at its place, or where it belongs."""

from __future__ import annotations

from pathlib import Path

import pytest

from cotspec.compiler import plan_specs
from cotspec.cot.measures import MEASURES
from cotspec.diagnostics import Diagnostic, Sink
from cotspec.diagnostics.suggest import alike, near

BASE = (Path(__file__).parents[1] / "passes" / "base.yaml").read_text(encoding="utf-8")
FIRST, SECOND = "{by: sft, lr: 1e-4}", "{by: grpo, lr: 1e-5, group: 4}"
REWARD = "{terms: {solved: {value: 1 if correct else 0}}}"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "solve.jinja").write_text("{{ question }}", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def found(text: str, folder: Path) -> list[Diagnostic]:
    file, sink = Path("spec.yaml"), Sink()
    file.write_text(text, encoding="utf-8")
    plan_specs({"spec.yaml": file}, sink)
    return [f for f in sink.sorted() if f.severity == "error"]


WORDS = [
    # what is changed, to what (@ marks the word the finding covers), what it should have been
    (FIRST, "{by: sft, @lerning_rate@: 1e-4}", "lr"),
    (FIRST, "{by: sft, @learning_rate@: 1e-4}", "lr"),
    (FIRST, "{@algorithm@: sft, lr: 1e-4}", "by"),
    (FIRST, "{by: @sftt@, lr: 1e-4}", "sft"),
    (FIRST, "{by: sft, lr: 1e-4, @LR_schedule@: cosine}", "schedule"),
    (FIRST, "{by: sft, lr: 1e-4, @weight-decay@: 0.1}", "weight_decay"),
    (FIRST, "{by: sft, lr: 1e-4, schedule: @cosin@}", "cosine"),
    (FIRST, "{by: sft, lr: 1e-4, precision: @fp-32@}", "fp32"),
    (FIRST, "{by: sft, lr: 1e-4, lora: {@rank@: 8}}", "r"),
    (SECOND, "{by: grpo, lr: 1e-5, @num_generations@: 4}", "group"),
    (SECOND, "{by: grpo, lr: 1e-5, @epsilon@: 0.2}", "clip"),
    (FIRST, "{by: distill, teacher: tutor, lr: 1e-5, @beta@: 0.5}", "divergence"),
    (FIRST, "{by: distill, teacher: tutor, lr: 1e-5, @jsd_beta@: 0.5}", "divergence"),
    (FIRST, "{by: distill, teacher: tutor, lr: 1e-5, @kl@: forward}", "divergence"),
    (FIRST, "{by: distill, teacher: tutor, lr: 1e-5, @kl_direction@: reverse}", "divergence"),
    ("builtin: tiny-student", "builtin: @tiny-studnet@", "tiny-student"),
    ("builtin: chains, split: test", "builtin: @chian@, split: test", "chains"),
    ("split: test", "split: @tset@", "test"),
    ("by: tutor", "by: @tutro@", "tutor"),
    ("over: train}", "over: @trian@}", "train"),
    ("over: train}", "over: train, prompt: @prompts/sovle.jinja@}", "prompts/solve.jinja"),
    ("rows: {from: teach}\n    task: solve", "rows: {from: @teech@}\n    task: solve", "teach"),
    ("over: train}", "over: train, keep: {where: @taech.correct@}}", "teach.correct"),
    ("over: train}", "over: train, keep: {where: teach.correct and @teach.stps@ > 2}}", "teach.steps"),
    ("start: first", "start: @frist@", "first"),
    ("of: [base, first, second]", "of: [base, first, @secnd@]", "second"),
    ("task: reconstruct", "task: @reconstuct@", "reconstruct"),
    ("shuffle: true", "mask: {count: 1, select: @scatered@}", "scattered"),
    ("shuffle: true", "mask: {count: 1, unit: @setence@}", "sentence"),
    ("shuffle: true", "shuffle: true\n    loss: [step, @anwser@]", "answer"),
    ("task: solve\n", "task: solve\n    advance: {checkpoint: {best: @valid.acuracy@}}\n", "valid.accuracy"),
    ("task: solve\n", "task: solve\n    advance: {require: {@train.fromatted@: '>= 0.5'}}\n", "train.formatted"),
    ("task: solve\n", "task: solve\n    advance: {require: {@formatted@: '>= 0.5'}}\n", "train.formatted"),
    (REWARD, "{terms: {solved: {value: 1 if @corect@ else 0}}}", "correct"),
    (REWARD, "{terms: {solved: {value: '@clamp@(words, 0, 1)'}}}", "clip"),
    (REWARD, "{terms: {solved: {value: 'curve(@word_count@, [1, 1], [9, 0])'}}}", "words"),
    (REWARD, "{let: {budget: 35}, terms: {solved: {value: words / @bugdet@}}}", "budget"),
    ("resources:\n", "resources:\n  stages: {@secnod@: {gpus: 0}}\n", "second"),
    ("evaluate:", "variants: {a: {stages.@secnod@.train.lr: 1e-4}}\nevaluate:", "second"),
    ("evaluate:", "variants: {a: {stages.second.train.@grp@: 8}}\nevaluate:", "group"),
    ("evaluate:", "variants: {a: {stages.second.train.@num_generations@: 8}}\nevaluate:", "group"),
    ("evaluate:", "allow: [{rule: @unpined-revision@, reason: no hub}]\nevaluate:", "unpinned-revision"),
]


@pytest.mark.parametrize(("old", "new", "right"), WORDS, ids=[new.strip()[:60] for _, new, _ in WORDS])
def test_the_word_that_was_meant_can_be_put_in_the_place_of_the_finding(
    old: str, new: str, right: str, folder: Path
) -> None:
    assert old in BASE
    before, word, _ = new.split("@")
    start = BASE.index(old) + len(before)
    text = BASE.replace(old, new.replace("@", ""), 1)
    (finding,) = found(text, folder)
    line, column = text.count("\n", 0, start) + 1, start - (text.rfind("\n", 0, start) + 1) + 1
    assert finding.span[1:] == (line, column, line, column + len(word))
    assert finding.suggestions[0] == right
    assert f"`{right}`" in finding.help or "." in finding.help
    assert found(f"{text[:start]}{right}{text[start + len(word) :]}", folder) == []


MAX_PROMPT = "a prompt has what `max_length` leaves besides `sampling.max_new_tokens`"
PLACES = [
    ("    task: solve\n", "    task: solve\n    epochs: 3\n", "it belongs in `stages.second.train`"),
    ("    task: solve\n", "    task: solve\n    epohcs: 3\n", "did you mean `epochs` in `stages.second.train`?"),
    (
        "    task: solve\n",
        "    task: solve\n    num_train_epochs: 3\n",
        "did you mean `epochs` in `stages.second.train`?",
    ),
    (
        "    task: solve\n",
        "    task: solve\n    temprature: 1\n",
        "did you mean `temperature` in `stages.second.train.sampling`?",
    ),
    (SECOND, "{by: grpo, lr: 1e-5, shufle: false}", "did you mean `shuffle` in `stages.second`?"),
    ("over: train}", "over: train, sead: 3}", "did you mean `seed` at the top of the spec?"),
    (
        "{from: teach}\n    task: solve",
        "{from: teach, selct: all}\n    task: solve",
        "did you mean `select` in `stages.second.mask`?",
    ),
    ("{by: tutor, over: train}", "{by: tutor, over: train, temperature: 1}", "it belongs in `generate.teach.sampling`"),
    ("{by: tutor, over: train}", "{by: tutor, over: train, pick: first}", "it belongs in `generate.teach.keep`"),
    (
        "over: train}",
        "over: train, keep: {answer: correct}}",
        "it is a condition now: `where: teach.correct and teach.steps >= 1`",
    ),
    (
        "over: train}",
        "over: train, keep: {steps: {at_least: 2}}}",
        "it is a condition now: `where: teach.correct and teach.steps >= 2`",
    ),
    (
        "{from: teach}\n    task: solve",
        "{from: teach, attempts: 2}\n    task: solve",
        "texts are written in `generate`: `tries: {by: …, over: …, sampling: {n: …}, keep: …}`",
    ),
    ("of: [base, first, second]}", "of: [base, first, second], gpus: 1}", "it is `resources.train.gpus`"),
    ("shuffle: true", "lr: 1e-3", "it is given in `stages.first.train` already: leave this one out"),
    (
        "shuffle: true",
        "learning_rate: 1e-3",
        "cotspec calls it `lr`; it is given in `stages.first.train` already: leave this one out",
    ),
    (FIRST, "{by: sft, lr: 1e-4, group: 8}", "`group` is a setting of `grpo`: leave it out"),
    (FIRST, "{by: sft, lr: 1e-4, follow: 0.5}", "`follow` is a setting of `distill`: leave it out"),
    (
        FIRST,
        "{by: sft, lr: 1e-4, num_generations: 8}",
        "cotspec calls it `group`; `group` is a setting of `grpo`: leave it out",
    ),
    (
        "train: {gpus: 0}",
        "train: {gpus: 0, processes: 2}\n  generate: {processes: 2}",
        "it belongs in `resources.train`, which has it: leave this one out",
    ),
    ("stages:\n", "warmup_ratio: 0.1\nstages:\n", "it belongs in `stages.first.train` or `stages.second.train`"),
    (SECOND, "{by: grpo, lr: 1e-5, max_promt_length: 9}", MAX_PROMPT),
    (
        SECOND,
        "{by: grpo, lr: 1e-5, group: 8, num_generations: 8}",
        "cotspec calls it `group`, which is given already: leave this one out",
    ),
    (
        FIRST,
        "{by: distill, teacher: tutor, lr: 1e-5, divergence: 0.5, beta: 0.5}",
        "cotspec calls it `divergence`, which is given already: leave this one out",
    ),
    (
        FIRST,
        "{by: dpo, lr: 1e-5, trainer: {rpo_alpha: 1}}",
        "dpo has no term of SFT; `by: orpo` learns to write the better answer, too",
    ),
    (
        SECOND,
        "{by: grpo, lr: 1e-5, dynamic_sampling: true}",
        "`equal_groups: skip` leaves out prompts whose completions all have one reward, which `redraws` draws anew "
        "before",
    ),
    ("models:\n", "models:\n  hub: a/b\n", "it belongs in `models.base` or `models.tutor`"),
    ("stages:\n", "stages:\n  seed: 3\n", "it belongs at the top of the spec"),
    ("evaluate:", "variants: {trace: {step: {opens: 'S {n}'}}}\nevaluate:", "it belongs at the top of the spec"),
    (
        "task: solve\n",
        "task: solve\n    solved: {value: 1, weight: 2}\n",
        "an entry like this belongs in `stages.second.reward.terms`",
    ),
]


@pytest.mark.parametrize(("old", "new", "said"), PLACES, ids=[new.strip()[:60] for _, new, _ in PLACES])
def test_a_setting_in_the_wrong_place_is_told_where_it_belongs(old: str, new: str, said: str, folder: Path) -> None:
    assert old in BASE
    (finding,) = found(BASE.replace(old, new, 1), folder)
    assert (finding.rule, finding.help) == ("unknown-key", said)
    assert finding.suggestions == ()  # nothing that could stand in its place would be right there


@pytest.mark.parametrize(
    ("trainer", "said"),
    [
        (SECOND, "there is `target`, `where`, `slice` and `pairs`"),
        ("{by: dpo, lr: 1e-5}", "in `stages.second.rows.pairs`"),
    ],
)
def test_a_setting_of_pairs_belongs_there_only_where_texts_are_compared(trainer: str, said: str, folder: Path) -> None:
    text = BASE.replace(SECOND, trainer).replace(
        "{from: teach}\n    task: solve", "{from: teach, gap: 2}\n    task: solve"
    )
    (finding,) = [each for each in found(text, folder) if each.rule == "unknown-key"]
    assert finding.help.endswith(said)


def test_a_setting_that_all_its_places_have_names_them(folder: Path) -> None:
    text = BASE.replace(FIRST, "{by: sft, lr: 1e-4, warmup_ratio: 0.2}").replace(
        SECOND, "{by: grpo, lr: 1e-5, warmup_ratio: 0.2}"
    )
    (finding,) = found(f"{text}warmup_ratio: 0.1\n", folder)
    places = "`stages.first.train` or `stages.second.train`"
    assert finding.help == f"it is given in {places} already: leave this one out"


def test_a_name_that_nothing_answers_to_is_explained_in_a_variant_too(folder: Path) -> None:
    (finding,) = found(f"{BASE}variants: {{a: {{stages.second.train.max_prompt_length: 9}}}}\n", folder)
    assert (finding.help, finding.suggestions) == (MAX_PROMPT, ())


def test_a_word_that_is_like_no_measure_is_answered_by_all_of_them(folder: Path) -> None:
    value = "'clip(loss, 0, 1)'"
    (finding,) = found(BASE.replace("1 if correct else 0", value), folder)
    assert finding.message == "there is no measure `loss`"
    assert all(name in finding.help for name in MEASURES)


def test_a_setting_that_is_missing_and_stands_elsewhere_is_one_finding(folder: Path) -> None:
    text = BASE.replace("{by: sft, lr: 1e-4}", "{by: sft}").replace(
        "    shuffle: true", "    shuffle: true\n    lr: 1e-4"
    )
    (finding,) = found(text, folder)
    assert finding.help == "it belongs in `stages.first.train`"


def test_mistakes_beside_a_misspelt_kind_are_found_too(folder: Path) -> None:
    text = BASE.replace("{by: sft, lr: 1e-4}", "{yb: sft, lr: fast, epohcs: 3}")
    assert [(f.rule, f.suggestions) for f in found(text, folder)] == [
        ("unknown-key", ("by",)),
        ("wrong-type", ()),
        ("unknown-key", ("epochs",)),
    ]


def test_all_that_is_missing_in_a_group_is_one_finding(folder: Path) -> None:
    (finding,) = found(BASE.replace("{by: tutor, over: train}", "{}"), folder)
    assert (finding.message, finding.help) == ("`teach` needs `by` and `over`", "add `by: …` and `over: …`")


@pytest.mark.parametrize(
    ("word", "choices", "best"),
    [
        ("fdp", ("ddp", "fsdp"), "fsdp"),
        ("ask", ("mask", "task"), "mask"),
        ("no", ("on", "n"), "on"),
        ("LR", ("lr", "r"), "lr"),
        ("batch", ("global_batch", "beta"), "global_batch"),
        ("maxnewtokens", ("max_new_tokens", "max_length"), "max_new_tokens"),
        ("zzz", ("lr", "by"), None),
        ("", ("n",), None),
    ],
)
def test_the_nearest_word_comes_first(word: str, choices: tuple[str, ...], best: str | None) -> None:
    assert near(word, choices)[:1] == ((best,) if best else ())


def test_only_one_slip_in_a_short_word_is_surely_meant() -> None:
    assert alike("yb", "by")
    assert alike("b", "by")
    assert not alike("xx", "by")
    assert not alike("m", "n")
