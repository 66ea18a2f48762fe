"""Rules of judgement on rewards that speak of the completions of the same prompt."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.passes.test_reward_rules import CORRECT, TRIED, Found, linted, terms, told

HITS: dict[str, tuple[str, dict[str, str], Found]] = {
    "a term of the group alone": (
        terms(a="1 if correct else 0", b="group.correct / 2"),
        {},
        (
            "warning",
            "reward-constant",
            "'group.correct / 2'",
            "`b` depends on the group as a whole only, so it is the same in a whole group: no advantage changes",
        ),
    ),
    "the length of right ones where none is": (
        terms(a="(1 if correct else 0) - words / group.right_words / 100"),
        {},
        (
            "error",
            "reward-undefined",
            "group.right_words",
            "`group.right_words` has no usable value where `group.correct` is 0",
        ),
    ),
    "the place of a wrong one among the right": (
        terms(a="1 / rank if group.correct > 0 else 0"),
        {},
        ("error", "reward-undefined", "rank", "`rank` has no usable value where `correct` is false"),
    ),
    "a share of the group that nothing reaches": (
        CORRECT + terms(a="1 / words if group.correct > 0 else -1"),
        {},
        (
            "warning",
            "reward-unreachable",
            "-1",
            "none of {} tried responses gets `-1`: `group.correct > 0` holds for all that pass the gates",
        ),
    ),
}
QUIET: dict[str, tuple[str, dict[str, str]]] = {
    "a length among the right ones": (
        CORRECT
        + "terms:\n  solved: {value: 1}\n  shorter: {value: 'group.correct * clip(1 - words / group.right_words,"
        " -1, 1)', weight: 0.5, range: [-1, 1]}\n",
        {},
    ),
    "the vote of the group in place of a gold answer": (terms(agrees="1 if majority else 0"), {}),
    "how many agree": (terms(agrees="votes", solved="1 if correct else 0"), {}),
    "a gate that those pass who say something": (
        "gates:\n  - {unless: votes > 0.1, reward: 0}\n" + terms(a="votes"),
        {},
    ),
    "a rank behind a gate": (CORRECT + terms(solved="1", first="0.1 / rank"), {}),
    "a length among the right ones that asks first": (
        terms(solved="1 if correct else 0", a="-clip(words / group.right_words, 0, 2) / 9 if correct else -0.3"),
        {},
    ),
}


@pytest.mark.parametrize("name", HITS)
def test_hit(name: str, tmp_path: Path) -> None:
    reward, options, expected = HITS[name]
    found = [(*one[:3], TRIED.sub("{}", one[3])) for one in told(linted(tmp_path, reward, **options), tmp_path)]
    assert expected in found


@pytest.mark.parametrize("name", QUIET)
def test_near_miss(name: str, tmp_path: Path) -> None:
    reward, options = QUIET[name]
    assert told(linted(tmp_path, reward, **options), tmp_path) == []
