"""Two experiments compared: each difference with its place, each task with the setting that makes it another one."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from cotspec.compiler import check_specs
from cotspec.diagnostics import Sink
from cotspec.views import changes, diff
from cotspec.views.planned import Planned, planned
from tests.support import Run

BASE = (Path(__file__).parents[1] / "passes" / "base.yaml").read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / "specs").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def side(text: str, name: str) -> Planned:
    file = Path("specs") / f"{name}.yaml"
    file.write_text(text)
    sink = Sink()
    checked = check_specs({file.as_posix(): file}, sink)
    assert checked is not None, sink.findings
    return next(iter(planned(checked.units, checked.sealed).values()))


def compared(old: str, new: str) -> tuple[list[changes.Change], dict[str, changes.TaskChange]]:
    a, b = side(old, "a"), side(new, "b")
    found = changes.settings(a, b)
    return found, {task.part: task for task in changes.tasks(a, b, found)}


#: (text, its replacement, the setting, the task whose own work it changes)
SETTINGS = [
    ("seed: 3", "seed: 4", "seed", "generation teach"),
    ("lr: 1e-4", "lr: 1e-3", "stages.first.train.lr", "stage first"),
    ("group: 4", "group: 8", "stages.second.train.group", "stage second"),
    ("shuffle: true", "mask: {count: 1}", "stages.first.mask.count", "rows of stage first"),
    ("task: solve", "task: rewrite", "stages.second.task", "rows of stage second"),
    ("1 if correct else 0", "2 if correct else 0", "stages.second.reward.terms.solved.value", "stage second"),
    ("size: 200", "size: 300", "data.train.size", "data train"),
    ("over: train}", "over: train, keep: {where: teach.correct}}", "generate.teach.keep.where", "traces teach"),
    ("{builtin: tiny-teacher}", "{builtin: tiny-student}", "models.tutor.builtin", "generation teach"),
    ("of: [base, first, second]}", "of: [base, first, second], sampling: {max_new_tokens: 9}}",
     "evaluate.sampling.max_new_tokens", "evaluation of base"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "setting", "part"), SETTINGS, ids=[case[2] for case in SETTINGS])
def test_a_changed_setting_is_the_cause_of_the_tasks_that_compute_something_else(
    old: str, new: str, setting: str, part: str, folder: Path
) -> None:
    text = BASE.replace("name: example\n", "name: example\nseed: 3\n")
    assert old in text
    found, tasks = compared(text, text.replace(old, new))
    assert setting in [change.name for change in found]
    assert setting in [cause.name for cause in tasks[part].causes]


def test_what_cannot_be_undone_alone_is_undone_with_its_neighbours(folder: Path) -> None:
    rows = "rows: {from: teach}\n    task: solve"
    found, tasks = compared(
        BASE, BASE.replace(rows, rows.replace("from: teach", "mix: [{from: teach}, {from: train}]"))
    )
    assert {"stages.second.rows.mix", "stages.second.rows.from"} <= {change.name for change in found}
    causes = {cause.name for cause in tasks["rows of stage second"].causes}
    assert causes == {"stages.second.rows.mix", "stages.second.rows.from"}
    assert tasks["rows of stage second"].kernel == ()


def test_two_new_texts_of_which_one_reads_the_other_are_new_both(folder: Path) -> None:
    teach = "{teach: {by: tutor, over: train}}"
    assert teach in BASE
    chain = f"{teach[:-1]}, more: {{by: base, over: teach}}, most: {{by: base, over: more}}}}"
    _, tasks = compared(BASE, BASE.replace(teach, chain).replace("rows: {from: teach}", "rows: {from: most}", 1))
    assert {part: tasks[part].state for part in ("generation more", "generation most", "generation teach")} == {
        "generation more": "new",
        "generation most": "new",
        "generation teach": "same",
    }


def test_what_follows_from_another_task_names_that_task_and_no_setting(folder: Path) -> None:
    _, tasks = compared(BASE, BASE.replace("lr: 1e-4", "lr: 1e-3"))
    assert {part for part, task in tasks.items() if task.causes} == {"stage first"}
    assert tasks["stage second"].upstream == ("stage first",)
    assert {part for part, task in tasks.items() if task.state == "same"} == {
        "data train", "data test", "contamination", "generation teach", "traces teach", "rows of stage first",
            "rows of stage second",
        "evaluation of base",
    }  # fmt: skip


def test_two_settings_of_one_task_are_both_named_with_their_lines(folder: Path) -> None:
    found, tasks = compared(BASE, BASE.replace("lr: 1e-5, group: 4", "lr: 1e-6,\n      group: 8"))
    assert [(c.name, c.old, c.new, c.old_span and c.old_span.line, c.new_span and c.new_span.line) for c in found] == [
        ("stages.second.train.lr", 1e-5, 1e-6, 20, 20),
        ("stages.second.train.group", 4, 8, 20, 21),
    ]
    assert list(tasks["stage second"].causes) == found


def test_names_and_resources_change_no_task(folder: Path) -> None:
    new = BASE.replace("name: example", "name: other").replace("gpus: 0", "gpus: 1")
    found, tasks = compared(BASE, new)
    assert {change.name for change in found} == {"name", "resources.train.gpus"}
    assert {part for part, task in tasks.items() if task.state != "same"} == {"report"}


def test_a_setting_is_said_to_change_no_task_only_where_no_task_comes_in_or_goes(folder: Path) -> None:
    def shown(new: str) -> str:
        found, tasks = compared(BASE, new)
        return diff.text(diff.Difference(old="a", new="b", settings=found, tasks=list(tasks.values())))

    other = BASE.replace("gpus: 0", "gpus: 1")
    assert "resources.train.gpus: 0 → 1 (specs/b.yaml:26)   changes no task" in shown(other)
    more = other.replace("over: train}}", "over: train}, more: {by: base, over: train}}")
    assert "changes no task" not in shown(more.replace("rows: {from: teach}", "rows: {from: more}", 1))


def test_a_stage_that_comes_in_or_goes_is_new_or_gone(folder: Path) -> None:
    shorter = BASE[: BASE.index("  second:")] + BASE[BASE.index("evaluate:") :].replace(", second]", "]")
    _, tasks = compared(BASE, shorter)
    assert {part for part, task in tasks.items() if task.state == "gone"} == {
        "rows of stage second", "stage second", "evaluation of second",
    }  # fmt: skip
    _, tasks = compared(shorter, BASE)
    assert tasks["stage second"].state == "new"


def test_another_text_in_a_prompt_file_of_the_same_name_is_a_cause(folder: Path) -> None:
    text = BASE.replace("evaluate: {", "evaluate: {prompt: solve.jinja, ")
    Path("specs/solve.jinja").write_text("Q: {{ question }}")
    before = side(text, "a")
    Path("specs/solve.jinja").write_text("Question: {{ question }}")
    after = side(text, "a")
    found = changes.settings(before, after)
    assert [(change.name, change.text) for change in found] == [("evaluate.prompt", True)]
    tasks = {task.part: task for task in changes.tasks(before, after, found)}
    assert list(tasks["evaluation of base"].causes) == found
    assert tasks["stage first"].state == "same"


# --- the command ------------------------------------------------------------------------------------------------------


def commit() -> None:
    """All files of the project in the current folder, which `folder` made."""
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run(["git", "add", "-A"], check=True)
    subprocess.run(["git", *who, "commit", "-qm", "x"], check=True)


def test_a_variant_against_its_spec_shows_settings_and_tasks(run: Run) -> None:
    Path("specs/one.yaml").write_text(BASE + "variants:\n  wide: {stages.second.train.group: 8}\n")
    code, out, err = run("diff", "specs/one.yaml", "specs/one.yaml@wide")
    assert (code, err) == (0, "")
    assert "  stages.second.train.group: 4 → 8 (specs/one.yaml:28)\n" in out
    assert "10 the same: " in out


def test_a_git_revision_is_compared_with_the_work_tree_with_the_files_it_had(run: Run) -> None:
    Path("specs/base.yaml").write_text(BASE.replace("evaluate: {", "evaluate: {prompt: solve.jinja, "))
    Path("specs/solve.jinja").write_text("Q: {{ question }}")
    Path("specs/one.yaml").write_text("extends: base.yaml\nname: one\n")
    commit()
    Path("specs/base.yaml").write_text(BASE.replace("lr: 1e-5", "lr: 1e-6"))
    Path("specs/solve.jinja").unlink()
    code, out, err = run("diff", "HEAD:specs/one.yaml", "specs/one.yaml", "--format", "json")
    assert (code, err) == (0, "")
    record = json.loads(out)
    assert [(s["path"], s["old"], s["new"], s["old_place"], s["new_place"]) for s in record["settings"]] == [
        ("stages.second.train.lr", 1e-5, 1e-6, "HEAD:specs/base.yaml:20", "specs/base.yaml:20"),
        ("evaluate.prompt", "solve.jinja", None, "HEAD:specs/base.yaml:24", ""),
    ]
    status = subprocess.run(["git", "status", "--porcelain"], capture_output=True, text=True, check=True).stdout
    assert status.split() == ["M", "specs/base.yaml", "D", "specs/solve.jinja"]


def test_a_task_that_several_parts_share_is_listed_once_with_all_of_them(run: Run) -> None:
    twin = "  twin: {start: base, train: {by: sft, lr: 1e-4}, rows: {from: teach}, task: reconstruct, shuffle: true}\n"
    text = BASE.replace("  second:\n", f"{twin}  second:\n").replace("first, second]", "first, twin, second]")
    Path("specs/one.yaml").write_text(text)
    Path("specs/two.yaml").write_text(text.replace("lr: 1e-4", "lr: 1e-3"))
    out = run("diff", "specs/one.yaml", "specs/two.yaml")[1]
    told = [line.split("  ")[2] for line in out.splitlines() if line.startswith("  changed  ")]
    assert told.count("stage first (also stage twin)") == 1
    assert "stage twin" not in told
    assert "rows of stage first (also rows of stage twin)" in out
    assert out.count("stages.twin.train.lr: 0.0001 → 0.001") == 2, "as a setting, and as why a task is another one"
    tasks = json.loads(run("diff", "specs/one.yaml", "specs/two.yaml", "--format", "json")[1])["tasks"]
    assert [task["also"] for task in tasks if task["part"] == "stage first"] == [["stage twin"]]
    assert len({(task["old"], task["new"]) for task in tasks}) == len(tasks)
    only = json.loads(run("diff", "specs/one.yaml", "specs/one.yaml", "--format", "json")[1])["tasks"]
    assert len({task["new"] for task in only}) == len(only)


@pytest.mark.parametrize(
    ("old", "said"),
    [
        ("nothing:specs/one.yaml", "git knows no revision `nothing`"),
        ("HEAD:specs/two.yaml", "HEAD has no file specs/two.yaml"),
        ("HEAD:specs/one.yaml@w", "has no variant `w`"),
    ],
)
def test_what_is_not_there_is_a_usage_error(old: str, said: str, run: Run) -> None:
    Path("specs/one.yaml").write_text(BASE)
    commit()
    code, out, err = run("diff", old, "specs/one.yaml")
    assert (code, out) == (2, "")
    assert said in err


def test_what_a_partial_clone_lacks_is_not_fetched_by_the_command_its_configuration_names(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("specs/one.yaml").write_text(BASE)
    commit()
    subprocess.run(["git", "config", "uploadpack.allowFilter", "true"], check=True)
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", "--filter=blob:none", "--no-checkout", tmp_path.as_uri(), clone], check=True)
    monkeypatch.chdir(clone)
    fetch = f"touch {tmp_path}/fetched; git-upload-pack"
    subprocess.run(["git", "config", "remote.origin.uploadpack", fetch], check=True)
    Path("specs").mkdir()
    Path("specs/one.yaml").write_text(BASE)
    code, out, err = run("diff", "HEAD:specs/one.yaml", "specs/one.yaml")
    assert (code, out) == (2, "")
    assert err.startswith(("cotspec: git ls-tree failed: ", "cotspec: git cat-file failed: "))
    assert not (tmp_path / "fetched").exists()


def test_markdown_is_a_table_whose_cells_cannot_break_it(run: Run) -> None:
    Path("specs/a.yaml").write_text(BASE)
    Path("specs/b.yaml").write_text(BASE.replace("name: example", 'name: example\nabout: "a | b\\nc"'))
    out = run("diff", "specs/a.yaml", "specs/b.yaml", "--format", "markdown")[1]
    (row,) = [line for line in out.splitlines() if line.startswith("| `about`")]
    assert row == '| `about` | `""` | `"a \\| b\\nc"` |'
