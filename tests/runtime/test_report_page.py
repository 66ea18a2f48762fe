"""The report as a page: what it says of a run, that it needs nothing beside itself, and that no text gets out."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import pytest
import reported
from conftest import Run, Stage, contents
from hypothesis import given
from hypothesis import strategies as st

from cotspec.page import browser, charts, html, safe_text
from cotspec.page.charts import Mark, Series
from cotspec.runtime import report_answers, report_counts, report_curves, report_page, report_texts
from tests.pages import ALLOWED, HOSTILE, Parsed, whole


def made(folder: Path, run_here: Run) -> str:
    code, _, err = run_here(folder)
    assert code == 0, err
    return (folder / "out/report.html").read_bytes().decode("utf-8")


@pytest.fixture
def page(stage: Stage, run_here: Run, tmp_path: Path) -> str:
    return made(reported.report(stage, tmp_path / "in"), run_here)


def test_the_page_says_what_the_run_was_with_n_and_interval(page: str) -> None:
    said = Parsed(page).said
    for told in (
        "What masking teaches.",
        "50.5 % 43.6 – 57.4 % n = 200",  # accuracy of the student
        "+32.0 points +23.1 to +40.3 n = 200",  # paired change of the next
        "96.9 – 100.1",  # interval of its tokens
        "8 of 700 rows (1 %) were left out as too long",
        "terms of the reward, weighted",
        "groups without signal",
        "did not pass, and only warns",
        "`valid.accuracy` was not measured",
        "rows of structure: training",
        "kept: 371 of 400: 92.8 % (89.8 – 94.9 %)",
        "wrong answer: 20 of 400",
        "of their units hidden: 1,400 of 2,100",
        "leak in record 3: the answer 12 stands in step 2",
        "stopped by gate 1",
        "brevity cannot be scored: the logarithm of 0",
        "demonstration imitated",
        "wrong → right",
        "trace of teach 20 tokens",  # beside the answers to the same question
        "Traces of teach",
        "written over this text Draft: 0.",
        "Failures of tries",
        "(an empty text)",
        "share: 0.75 # variant mask-0.75",
    ):
        assert told in said, told


def test_a_stage_whose_texts_alone_were_used_has_its_curves_and_its_gate_too(page: str) -> None:
    said = Parsed(page).said
    assert "helper loss" in said
    assert "helper passed model of step 250 goes on" in said


def test_what_is_not_known_is_left_out_and_never_a_zero(stage: Stage, run_here: Run, tmp_path: Path) -> None:
    """A report of before had no more than metrics."""
    from cotspec.spec.payload import ReportBody

    files = {role: path for role, path in reported.inputs(tmp_path / "in").items() if "/" not in role}
    body = ReportBody(name="tiny", about="", labels=reported.MODELS, stages=("structure", "compress"))
    said = Parsed(made(stage("report-tiny", body, files), run_here)).said
    assert "Its log is not there." in said
    assert "Answers" not in said
    assert "50.5 % 43.6 – 57.4 % n = 200 98.5 78.0 %" in said  # no change, no interval of tokens
    gate = report_counts.gate("a", reported.write_lines(tmp_path / "gate.json", [{"step": None}]))
    assert (gate.step, gate.passed) == ("", None)
    flow = report_counts.trained("a", {"rows": 5, "rows_used": 5})[0]
    assert [part.name for part in flow.parts] == ["trained on:"]


def test_the_same_results_make_the_same_page(stage: Stage, run_here: Run, tmp_path: Path) -> None:
    folder = reported.report(stage, tmp_path / "in")
    first = made(folder, run_here)
    assert made(folder, run_here) == first
    assert str(tmp_path) not in first
    plots = {"plots/answers/all.json", *(f"plots/training/{s}.json" for s in ("structure", "compress", "helper"))}
    own = {"report.html", "report.json", "report.md", "table.txt", "metrics.json"}
    assert set(contents(folder / "out")) == own | plots


def test_the_page_needs_nothing_beside_it_and_every_button_and_link_has_its_place(page: str) -> None:
    whole(page)


def test_hostile_text_in_every_field_stays_text(
    stage: Stage, run_here: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(browser, "MOST_CHARACTERS", 10**9)  # as many cards, however long their texts are
    plain = made(reported.report(stage, tmp_path / "plain"), run_here)
    (tmp_path / "generated/stages/report-tiny").rename(tmp_path / "generated/stages/before")
    page = made(reported.report(stage, tmp_path / "hostile", lambda told: told + HOSTILE), run_here)
    parsed = Parsed(page)
    assert {tag for tag, _ in parsed.tags} <= ALLOWED
    assert [tag for tag, _ in parsed.tags if tag not in ("em", "span")] == [
        tag for tag, _ in Parsed(plain).tags if tag not in ("em", "span")
    ]
    assert "<script>document.title='x'</script></style>" in parsed.said
    assert "{{ 7*7 }}[U+202E]gnp[U+2066][U+0000][U+001B][31m&amp;" in parsed.said
    assert not re.search("[\x00-\x08\x0b-\x1f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", page)
    assert len(page) < 10_000_000
    assert max(map(len, parsed.said.split())) < report_page.MOST_SETTINGS


@given(st.text(alphabet=st.characters(), max_size=60))
def test_any_text_is_shown_as_itself_and_can_be_in_a_file(given: str) -> None:
    page = html._environment().from_string("<p title='{{ t }}'>{{ t }}</p>").render(t=given)
    page.encode("utf-8")
    parsed = Parsed(page)
    assert [tag for tag, _ in parsed.tags] == ["p"]
    assert "".join(parsed.words) == safe_text.seen(given) == parsed.tags[0][1]["title"]


@given(st.text(max_size=200), st.integers(min_value=3, max_value=50))
def test_a_cut_text_says_how_much_of_it_is_left_out(given: str, most: int) -> None:
    shown = safe_text.cut(given, most=most)
    assert len(shown.head) + len(shown.tail) <= most
    assert len(shown.head) + shown.left_out + len(shown.tail) == len(given)
    assert given.startswith(shown.head)
    assert given.endswith(shown.tail)
    assert safe_text.cut(given, whole=len(given) + 7).left_out == 7


def test_a_large_set_is_shown_in_blocks_and_all_kept_samples_are_on_the_page(
    stage: Stage, run_here: Run, tmp_path: Path
) -> None:
    parsed = Parsed(made(reported.report(stage, tmp_path / "in"), run_here))
    blocks = [each.get("class") or "" for tag, each in parsed.tags if tag == "details"]
    first = [each for each in blocks if "s0" in each]
    assert 0 < len(first) <= report_answers.MOST_QUESTIONS < reported.QUESTIONS
    others = reported.QUESTIONS - len(first)
    assert blocks.count("page") >= math.ceil(others / browser.OF_A_BLOCK)
    assert all(f"Question {id} " in f"{parsed.said} " for id in range(reported.QUESTIONS))
    assert "cotspec compare" not in parsed.said
    assert "120 of 120 questions are on this page" in parsed.said
    assert "20 of 20 questions are on this page" in parsed.said
    assert len([each for each in blocks if "g1" in each]) == reported.GROUPS <= report_texts.MOST_GROUPS


def test_blocks_of_a_set_end_where_the_page_would_be_too_large(tmp_path: Path) -> None:
    def line(id: int) -> dict[str, object]:
        flags = {"correct": True, "ungradable": False, "formatted": True, "truncated": False}
        return {"id": id, "question": "q", "answer": "1", "text": "x" * 9000, "tokens": 1, **flags}

    answers = [report_answers.read("one", reported.write_lines(tmp_path / "one", [line(id) for id in range(900)]))]
    pages = report_answers.pages(answers, without={1, 3})
    ids = [each.id for page in pages for each in page]
    assert ids == [id for id in range(900) if id not in (1, 3)][: len(ids)]
    assert {len(page) for page in pages[:-1]} == {browser.OF_A_BLOCK}
    assert 150 < len(ids) < browser.MOST_CHARACTERS / 4000


def test_traces_and_failures_are_on_the_page_in_blocks_and_what_is_not_is_counted(tmp_path: Path) -> None:
    def records(count: int, words: int) -> list[dict[str, object]]:
        return [reported.trace(id, lambda text: text + " x" * words) for id in range(count)]

    few = reported.write_lines(tmp_path / "few", records(120, 1))
    sampled = {"compress": report_texts.groups(reported.inputs(tmp_path)["stages/compress/train/samples.jsonl"])}
    source = report_texts.traces("Traces", few, sampled)
    assert len(source.records) == report_texts.MOST_RECORDS
    assert all(each.tries for each in source.records), "what a student wrote to it stands first"
    on_page = sorted(each.trace.id for each in (*source.records, *(one for page in source.pages for one in page)))
    assert on_page == list(range(120))
    assert (source.shown, source.whole) == (120, 120)
    assert [len(page) for page in source.pages] == [browser.OF_A_BLOCK, browser.OF_A_BLOCK, 8]

    many = report_texts.traces("Traces", reported.write_lines(tmp_path / "many", records(900, 1)), {})
    assert (many.shown, many.whole) == (report_texts.MOST_RECORDS + report_texts.MOST_PAGED, 900)
    failed = [{**each, "attempts": ["y" * 9000]} for each in records(900, 4500)]
    large = report_texts.failures("Failures", reported.write_lines(tmp_path / "large", failed), "tries")
    assert 50 < large.shown < browser.MOST_CHARACTERS / 8000
    assert large.whole == 900


def test_several_sets_and_answers_have_tables_and_filters_of_their_own(
    stage: Stage, run_here: Run, tmp_path: Path
) -> None:
    folder = reported.report(stage, tmp_path / "in", samples=3, sets=("test", "hard"))
    parsed = Parsed(made(folder, run_here))
    assert {"s0all", "s1all"} <= {each.get("id") for _, each in parsed.tags}
    assert "200 problems, 3 answers to each" in parsed.said
    assert "more right" in parsed.said
    assert "pass@3" in parsed.said


def test_a_failure_has_one_kind_and_a_change_is_paired(tmp_path: Path) -> None:
    def line(id: int, **said: bool) -> dict[str, object]:
        flags = {"correct": False, "ungradable": False, "formatted": True, "truncated": False} | said
        return {"id": id, "question": "q", "answer": "1", "text": "t", "tokens": 10 * id, **flags}

    before = [line(0, truncated=True, formatted=False), line(1, ungradable=True), line(2, formatted=False), line(3)]
    after = [line(0, correct=True), line(1), line(2), line(4)]
    one, two = (
        report_answers.read(name, reported.write_lines(tmp_path / name, lines))
        for name, lines in (("one", before), ("two", after))
    )
    assert [one.count(kind) for kind in report_answers.KINDS] == [1, 1, 1, 1]
    change = report_answers.change(one, two)
    assert change is not None
    assert (change.questions, change.won, change.lost) == (3, (0,), ())
    assert change.points == pytest.approx(1 / 3)
    assert report_answers.read("one", tmp_path / "one").tokens == pytest.approx((-5.54, 35.54), abs=0.01)


def test_a_line_is_torn_where_steps_are_missing_and_a_long_one_is_thinned() -> None:
    points = [(float(step), 1.0) for step in (1, 2, 3, 9, 10)]
    assert [len(piece) for piece in charts.pieces(points)] == [3, 2]
    assert len(charts.thinned([(float(step), 0.0) for step in range(100_000)])) <= charts.MOST_POINTS
    assert charts.thinned([(1.0, float("nan"))]) == []
    assert str(charts.lines([Series("x", [])], title="x")) == ""


def test_many_noisy_points_are_drawn_faintly_below_their_running_mean() -> None:
    assert charts.running_mean([(1, 0.0), (2, 3.0), (3, 6.0), (4, 0.0)], 5) == [(1, 0.0), (2, 3.0), (3, 3.0), (4, 0.0)]
    noise = [Series("x", [(float(at), float(at % 2)) for at in range(100)])]
    assert str(charts.lines(noise, title="t")).count("<polyline") == 2
    assert str(charts.lines(noise, title="t", noisy=False)).count("<polyline") == 1  # a learning rate has no noise
    assert "raw" not in str(charts.lines([Series("x", noise[0].points[:20])], title="t"))


@given(
    st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=30),
    st.booleans(),
)
def test_any_numbers_make_a_drawing_without_nonsense(values: list[float], share: bool) -> None:
    series = Series("x", [(float(at), value) for at, value in enumerate(values)])
    drawn = str(charts.lines([series], title="<t>", percent=share))
    assert "nan" not in drawn
    assert "inf" not in drawn
    assert "<t>" not in drawn


def test_the_frontier_joins_those_that_no_other_one_beats() -> None:
    def mark(number: int, x: float, y: float) -> Mark:
        return Mark(number=number, name="m", x=x, y=y, x_range=None, y_range=None)

    marks = [mark(1, 100, 0.5), mark(2, 98, 0.85), mark(3, 75, 0.8), mark(4, 80, 0.7)]
    assert [each.number for each in charts.frontier(marks)] == [3, 2]


def test_figures_that_would_hide_each_other_are_drawn_as_one_with_both_numbers() -> None:
    def mark(number: int, x: float, y: float) -> Mark:
        return Mark(number=number, name=f"m{number}", x=x, y=y, x_range=None, y_range=None)

    drawn = str(charts.plane([mark(1, 100, 0.5), mark(2, 80, 0.7), mark(3, 80, 0.7)], title="t", x="x", y="y"))
    assert re.findall(r'class="inside"[^>]*>([^<]*)<', drawn) == ["1", "2 3"]
    assert "<title>2: m2; 3: m3</title>" in drawn
    many = str(charts.plane([mark(at, 80, 0.7) for at in range(10, 15)], title="t", x="x", y="y"))
    (wide,) = re.findall(r'<rect class="mark[^>]* width="([0-9.]+)"', many)
    assert float(wide) > 6 * len("10 11 12 13 14")


def test_curves_have_the_words_of_the_field_and_no_number_is_lost() -> None:
    log = [{"step": 1, "kl": 0.1, "term/a": 1.0, "own": 3.0}, {"step": 2, "term/b": 2.0, "gate/1": 0.5}]
    found = {chart.name: [key.name for key in chart.keys] for chart in report_curves.of(log)}
    assert found == {
        "terms of the reward, weighted": ["a", "b"],
        "stopped by a gate of the reward": ["1"],
        "KL from the reference": [],
        "own": [],
    }
    (gates,) = [each for each in report_curves.of(log, ["correct and steps >= 2"]) if "gate" in each.name]
    assert [key.name for key in gates.keys] == ["1: not correct and steps >= 2"]


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (0.1221, 0.1341, ["0.1225", "0.1250", "0.1275", "0.1300", "0.1325"]),
        (-0.0055, 0.0056, ["−0.0050", "−0.0025", "0", "0.0025", "0.0050"]),
        (0, 105, ["0", "25", "50", "75", "100"]),
        (1000.2, 1004, ["1,001", "1,002", "1,003", "1,004"]),
        (0, 1.2e-6, ["0", "2.5e−7", "5e−7", "7.5e−7", "1e−6"]),
        (0, 3e8, ["0", "1e+8", "2e+8", "3e+8"]),
    ],
)
def test_a_tick_is_written_with_the_digits_that_tell_it_from_the_next(low: float, high: float, said: list[str]) -> None:
    found = charts.ticks(low, high)
    assert [text for _, text in found] == said
    assert [float(text.replace("−", "-").replace(",", "")) for text in said] == pytest.approx([at for at, _ in found])


def test_a_sample_file_of_something_else_is_refused_with_its_line(stage: Stage, run_here: Run, tmp_path: Path) -> None:
    folder = reported.report(stage, tmp_path / "in")
    payload = json.loads((folder / "payload.json").read_text())
    (folder / payload["inputs"]["stages/compress/train/samples.jsonl"]["path"]).write_text('{"step": "x"}\n')
    code, _, err = run_here(folder)
    assert code == 2
    assert "samples.jsonl, line 1: step" in err
