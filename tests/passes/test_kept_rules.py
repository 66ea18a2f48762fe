"""Which of several texts go on, and which of all: what is refused, each once and at its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.passes.test_texts import TEACH, errors_of, findings_of

REFUSED = {
    "different ones of one": (
        "teach: {by: tutor, over: train, keep: {distinct: text, most: 2}}",
        "",
        "`distinct` has one text of each record",
    ),
    "all and some": (
        "teach: {by: tutor, over: train, sampling: {n: 4}, keep: {pick: all, most: 2}}",
        "",
        "`pick: all` keeps all texts, and `most` some of them",
    ),
    "as many as there are": (
        "teach: {by: tutor, over: train, sampling: {n: 4}, keep: {distinct: text, most: 4}}",
        "",
        "`most` leaves none out: there are 4 texts of each record",
    ),
    "different ones, of which one goes on": (
        "teach: {by: tutor, over: train, sampling: {n: 4}, keep: {distinct: calculations, pick: shortest}}",
        "",
        "one text of each record goes on, which is equal to no other",
    ),
    "the best by what is no measure": (
        "teach: {by: tutor, over: train, keep: {best: {by: teach.wrods, n: 9}}}",
        "",
        "there is no measure `teach.wrods`",
    ),
    "the best by a condition": (
        "teach: {by: tutor, over: train, keep: {best: {by: teach.correct, n: 9}}}",
        "",
        "`teach.correct` is a condition, and this setting needs a number",
    ),
    "the best by what is the same for all": (
        "teach: {by: tutor, over: train, keep: {best: {by: 2 + 1, n: 9}}}",
        "",
        "this is the same for all texts",
    ),
    "the best by the score of another text": (
        f"{TEACH}, more: {{by: tutor, over: teach, keep: {{best: {{by: teach.score, n: 9}}}}}}",
        "rows: {from: more}",
        "there is no measure `teach.score`",
    ),
    "the best by tokens that nobody counted": (
        f"{TEACH}, more: {{by: tutor, over: worked, keep: {{best: {{by: worked.tokens, n: 9}}}}}}",
        "rows: {from: more}",
        "nobody has counted the tokens of `worked`, which are texts of a data set",
    ),
    "the best none": (
        "teach: {by: tutor, over: train, keep: {best: {by: teach.words, n: 0}}}",
        "",
        "`n` is 0; it must be at least 1",
    ),
    "votes of one": (
        "teach: {by: tutor, over: train, keep: {where: teach.votes > 0.5}}",
        "",
        "`teach` has one text of each record, which agrees with itself",
    ),
    "votes of those that were kept": (
        "teach: {by: tutor, over: train, sampling: {n: 4}, keep: {pick: all}}",
        "rows: {from: teach, where: teach.majority}",
        "there is no measure `teach.majority`",
    ),
    "votes of another text": (
        f"{TEACH}, more: {{by: tutor, over: teach, sampling: {{n: 4}}, keep: {{where: teach.votes > 0.5}}}}",
        "rows: {from: more}",
        "there is no measure `teach.votes`",
    ),
    "votes of what was made over a pair": (
        "teach: {by: tutor, over: train, sampling: {n: 4}, keep: {pick: all}}, "
        "apply: {by: tutor, over: teach, sampling: {n: 4}}",
        "rows: {from: apply, target: teach, pairs: {better: teach.votes}}",
        "there is no measure `teach.votes`",
    ),
    "different texts that pairs do not see": (
        f"{TEACH}, many: {{by: tutor, over: train, sampling: {{n: 4}}, keep: {{distinct: text, most: 2}}}}",
        "rows: {from: many, pairs: {better: many.correct}}",
        "pairs are made of all texts: nothing that `keep` says reaches them",
    ),
    "some of one": ("teach: {by: tutor, over: train, keep: {most: 2}}", "", "`most` has one text of each record"),
}
TAKEN = {
    "some different texts, tried": (
        "teach: {by: tutor, over: train, sampling: {n: 4}, keep: {distinct: text, pick: longest, most: 2}}, "
        "tries: {by: base, over: teach, keep: {where: tries.score == 0}}",
        "rows: {from: tries, target: teach}",
    ),
    "what most agree on": (
        "teach: {by: tutor, over: train, sampling: {n: 4}, "
        "keep: {where: teach.majority and teach.votes >= 0.5, best: {by: teach.votes, n: 9}}}",
        "rows: {from: teach}",
    ),
    "pairs by what another text says of them": (
        "teach: {by: tutor, over: train, sampling: {n: 4}, keep: {pick: all}}, judged: {by: tutor, over: teach}",
        "rows: {from: judged, target: teach, pairs: {better: judged.correct}}",
    ),
    "pairs by votes": (
        "teach: {by: tutor, over: train, sampling: {n: 4}}",
        "rows: {from: teach, pairs: {better: teach.votes, gap: 0.2}}",
    ),
    "the best tries": (
        f"{TEACH}, tries: {{by: base, over: teach, sampling: {{n: 4}}, "
        "keep: {where: tries.score < 1, best: {by: teach.words * (1 - tries.score), n: 9}}}",
        "rows: {from: tries, target: teach}",
    ),
    "pairs of some different texts": (
        "teach: {by: tutor, over: train, sampling: {n: 4}, keep: {distinct: text, most: 3}}, "
        "apply: {by: tutor, over: teach}",
        "rows: {from: apply, target: teach, pairs: {better: teach.score}}",
    ),
}


@pytest.mark.parametrize(("texts", "rows", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_kept_is_refused(texts: str, rows: str, message: str, tmp_path: Path) -> None:
    errors = errors_of(texts, rows, tmp_path)
    assert errors[:1] == [message]
    assert len(errors) == 1


@pytest.mark.parametrize(("texts", "rows"), TAKEN.values(), ids=TAKEN)
def test_what_can_be_kept_is_taken(texts: str, rows: str, tmp_path: Path) -> None:
    assert errors_of(texts, rows, tmp_path) == []


def test_votes_of_kept_texts_are_asked_for_where_they_are_kept(tmp_path: Path) -> None:
    texts, rows = f"{TEACH}", "rows: {from: teach, where: teach.votes > 0.5}"
    (found,) = findings_of(texts, rows, tmp_path)
    assert found.help == "ask for it where the texts of `teach` are kept: `generate.teach.keep.where`"
