"""docs/rewards.md: the language of rewards. Run `python -m cotspec.cli.rewards_page > docs/rewards.md`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import MappingProxyType
from typing import Final

from cotspec.cot.expr import reference
from cotspec.cot.measures import OWN, TABLE

_HEAD: Final = """# Rewards: measures, operators, functions

<!-- Made by `python -m cotspec.cli.rewards_page > docs/rewards.md`. The tests compute every example. -->

A reward is a list of gates and a weighted sum of terms, each an expression over a response and its group
([spec.md](spec.md#reward)). An expression is a number or a condition; it has the syntax of Python's expressions and
nothing that could run code. What cannot be computed (a quotient by zero, the logarithm of 0) is *unscorable*: such a
completion is left out of the group's baseline and counted, and never becomes a 0.

An expression with a comma stands in quotes: `brevity: {value: "clip(words, 10, 99)"}`.
"""

_GROUP: Final = """## Rewards over a group

`group.…`, `rank`, `votes` and `majority` speak of all completions of the same prompt, this one among them: also of
those that were cut at the token limit, that cannot be graded (they are not right) or that get no reward, however the
batch is split. Where none is right, `group.right_words` has no value; nor has `rank` for a completion that is not
right. A reward that reads them there is unscorable, so ask first (`… if group.correct > 0 else 0` for
`group.right_words`, `… if correct else 0` for `rank`), or put a gate on `correct` before it (a right completion is in a
group with a right one). A term of `group.…` alone is the same for the whole group and changes no advantage: it has to
meet something of the completion's own.

A length reward among the right ones, scaled by how many are right:

```yaml
reward:
  gates:
    - {unless: correct, reward: 0}
  terms:
    solved:  {value: 1}
    shorter: {value: "group.correct * clip(1 - words / group.right_words, -1, 1)", weight: 0.5}
```

A group of four, of which three are right with 40 words on average, so that `group.correct` is 0.75:

| completion | `words` | `rank` | `shorter` | reward |
|---|---|---|---|---|
| right | 20 | 1 | 0.1875 | 1.1875 |
| right | 40 | 2 | 0 | 1 |
| right | 60 | 3 | -0.1875 | 0.8125 |
| wrong | 10 | | | 0 |

Where one of four is right it has the mean length of the right ones, and gets 1. Where few are right, brevity moves
little; the budget is what the model itself needs, not a number. `cotspec preview … --response … --beside …` scores one
completion beside others.

`votes` and `majority` ask who agrees: the share of the prompt's completions that give the same answer, and whether it
is the answer that most of them give. Two answers are one where grading calls them the same. A completion that gives
none, or was cut at the token limit, has no vote: its own `votes` are 0, and it counts among all. Where two answers lead
alike, neither is the majority; the share of such groups is `groups_without_majority` in the log. So a reward needs no
gold answers, as in test-time reinforcement learning ([2504.16084](https://arxiv.org/abs/2504.16084)); accuracy is
measured by them as ever:

```yaml
reward: {terms: {agrees: {value: 1 if majority else 0}}}
```
"""


SEGMENTS: Final = MappingProxyType(
    {
        "given": "it is there",
        "words": "its words; 0 without it",
        "T": "it ends with the label `T`; so for each word of its `label`",
        "correct": "its answer equals the gold answer (`answer`, and segments with `grade: true`)",
    }
)
"""What may be asked of a segment of one's own."""

_SEGMENTS: Final = """## Segments of one's own

A spec may name the segments of a text in `trace:`, and rewards ask for each by its name:

```yaml
trace:
  answer:  {{opens: "<answer>"}}
  critic:  {{opens: "<critic>", label: [T, F]}}
  revised: {{opens: "<revised>", grade: true, when: critic.F}}
```

| measure | is a | meaning |
|---|---|---|
{rows}

They are asked of `answer` too, where `trace` names it. An opener counts at the start of a line; that of a tag also
right behind another segment's closer. A tag reaches to its closer, anything else to `closes`, or to where a segment
begins.

- **Label**: the last word of the segment, without markup and punctuation around it, in the very spelling of the label:
  `… so it is right. **T**` has the label `T`; `T or F?` has `F`; `true` has none. Of several segments of one name the
  last one counts. Without a label all of them are false.
- **Right**: the answer of a graded segment is looked for in it as in any text (an answer's line, a phrase, a box), and
  else is what it says. The bare `correct` is that of the last segment in the text that is graded or `answer`. What is
  not given is not right.
- **`formatted`** means: the segments that `trace` names are there, in its order, each once (`many`: or more often, in a
  row), not empty, closed, with a label where they have labels; one with `when` exactly where that label was given.
  Steps may be many, and thinking may be missing. What `trace` does not name counts as free text: with
  `trace: {{answer: {{opens: "####"}}}}` no step is asked for.
- **Steps inside of the answer's tag** (`<think>…</think><answer>Step 1: … </answer>`): leave `step` out of `trace`, and
  the tag holds the whole solution, in which the answer is looked for. Where `step` is named an answer stands behind the
  steps: such a text is graded, and is not `formatted`.

A reward for a verdict that is right, whether or not the answer is:

```yaml
terms:
  solved:  {{value: answer.correct, weight: 0.5}}
  verdict: {{value: "critic.given and critic.T == answer.correct"}}
  form:    {{value: formatted, weight: 0.1}}
```
"""

_TEXTS: Final = """## Conditions on texts

`keep.where` of a generation and `rows.where` are conditions in the same language, with the name of a text before each
measure: of the text itself, or of one that it was made over (`refined.correct and refined.words < draft.words`); so is
`keep.best.by`, a number. They may ask for {measures}, and for `<name>.score`, the share of right ones among the texts
that were made over the same one. Where all texts of a record are there (`keep`, and pairs of what was written),
`<name>.votes` and `<name>.majority` say who agrees with one: cut texts have no vote, and records without a majority are
counted. What cannot be computed keeps no text, and is counted. Segments of one's own have the name of the text before
theirs: `critique.critic.T`.

A reward may ask the same, but for the score, about the texts of its row: `clip(1 - words / draft.words, 0, 1)`. All
completions of a prompt share what it says of them. Of several sources (`rows.mix`) these are the texts that each has
at the same place ([texts.md](texts.md)).
"""


_JUDGES: Final = """## Judges

A stage may name judges, frozen models that are asked about each completion; the reward asks about what they write as
about any text, with the name of the judge before the measure:

```yaml
judges:
  liked: {by: judge, prompt: prompts/judge.jinja, sampling: {temperature: 0, max_new_tokens: 256}}
reward: {terms: {judged: {value: liked.critic.T}}}
```

`by` is a model or an earlier stage; one behind a server may cost money in every step, and what it said is kept until
the stage is done ([endpoints.md](endpoints.md#a-judge)). Its prompt shows `{{ response }}`. What a judge leaves open
has no value: of a segment without a label none of its labels, of an answer that is not given or cannot be compared no
`correct`, and of a text that was cut at its `max_new_tokens`, or could not be asked for since the completion is too
long for the judge, nothing at all. Such a completion is unscorable, and counted by judge: `unjudged/liked` in the log
and in metrics.json. Whether there is a verdict may be asked without that: `liked.critic.given`. Where gates decide,
no judge is asked. samples.jsonl holds what judges wrote of its completions, and `cotspec preview` shows what they
read. """


def page() -> str:
    """The page as text."""
    texts = _TEXTS.format(measures=", ".join(f"`<name>.{name}`" for name in OWN))
    rows = "\n".join(
        f"| `<segment>.{name}` | {'number' if name == 'words' else 'condition'} | {about} |"
        for name, about in SEGMENTS.items()
    )
    return "\n".join(
        (
            _HEAD,
            *_measures(),
            _GROUP,
            _SEGMENTS.format(rows=rows),
            texts,
            _JUDGES,
            *_entries("Operators", reference.OPERATORS),
            *_functions(),
        )
    )


def _functions() -> Iterator[str]:
    yield from _entries("Functions", reference.FUNCTIONS)
    yield (
        "The examples are about a response with "
        + ", ".join(
            f"`{name}` {str(value).lower() if isinstance(value, bool) else value}"
            for name, value in reference.SEEN.items()
        )
        + ".\n"
    )


def _measures() -> Iterator[str]:
    yield "## Measures\n\n| measure | is a | meaning |\n|---|---|---|"
    for name, measure in TABLE.items():
        yield f"| `{name}` | {kind(measure.kind)} | {measure.about} |"
    yield ""


def _entries(title: str, entries: Iterable[reference.Entry]) -> Iterator[str]:
    yield f"## {title}\n\n| | meaning | example | gives |\n|---|---|---|---|"
    for entry in entries:
        yield f"| `{entry.name}` | {entry.about} | `{entry.example}` | {shown(entry)} |"
    yield ""


def kind(type_: type) -> str:
    """What a person calls the type of a measure."""
    return "condition" if type_ is bool else "number"


def shown(entry: reference.Entry) -> str:
    """The result of an example."""
    logical = entry.name in ("==", "!=", "<", "<=", ">", ">=", "and", "or", "not")
    return ("true" if entry.result else "false") if logical else f"{entry.result:g}"


if __name__ == "__main__":
    print(page(), end="")
