"""Where questions come from, as a spec says it (part of cotspec.spec.experiment, which re-exports it)."""

from typing import Annotated, Final

from pydantic import Field

from cotspec.spec.base import Count, No, Part, Seed, Share, Slice, Text

DATA_SOURCES: Final = ("hub", "builtin", "file")
"""A data set comes from exactly one of these."""

Columns = Annotated[tuple[Text, ...], Field(min_length=1)]


class AnswerField(Part):
    """A gold answer that is part of a longer field."""

    field: Text
    """Column that holds the answer."""
    after: str | None = None
    """Take only what follows the last occurrence of this text (GSM8K: `####`)."""
    boxed: bool = False
    """Take only what the last `\\boxed{…}` holds (of what follows `after`)."""


class Data(Part):
    """A set of questions with gold answers: exactly one of `hub`, `builtin`, `file`."""

    hub: Text | None = None
    """Id on the data hub, `owner/name`."""
    builtin: str | None = None
    """Name of a seeded generator that comes with cotspec."""
    file: str | None = None
    """Data file, relative to the spec file: JSON lines, or what its name says: `.json` (a list, or lines), `.csv`,
    `.tsv` (with a header), `.parquet`, each with `.gz` behind it or not. Or a folder of such files of one format, which
    are read in the order of their names. A check reads the first rows, but of Parquet."""
    revision: Text | None = None
    """Commit, tag or branch of a `hub` data set (`main`); `cotspec lock` pins what is no commit."""
    config: Text | None = None
    """Configuration of a `hub` data set."""
    split: Text | None = None
    """Split of a `hub` or `builtin` data set (builtin: train, valid, test)."""
    question: Text | Columns = "question"
    """Column that holds the question, or several: what they hold is put together, a line each, without empty ones. A
    name with dots goes into nested columns (`extra_info.question`), lists (`choices.0`, from the end `choices.-1`) and
    the turns of a chat, by who speaks (`messages.user`, `conversations.human`; of several turns `messages.user.0`)."""
    answer: Text | AnswerField | No = "answer"
    """Column that holds the gold answer; dots as in `question`. `false` where there are none (`hub`, `file`): its texts
    can be learned, and nothing is graded."""
    trace: Text | Columns | None = None
    """Column or columns, as in `question`, that hold a text for each question (`hub`, `file`): a solution or a trace
    that exists already. The data set is then a text, too, which `rows.from` and `over` name."""
    max_bad_rows: Share = 0.0
    """Share of the rows (`hub`, `file`) that may be bad: that cannot be read, lack a column, or have no question or no
    gold answer that can be used. So many are left out, and counted and shown by a check, in the task's log and in the
    report; more are an error, and so is a file that cannot be read to its end. A row's place, by which `slice` counts,
    stays what it is."""
    size: Count | None = None
    """Number of problems of a `builtin` set."""
    seed: Seed = 0
    """Seed of a `builtin` set."""
    steps: tuple[Count, Count] = (2, 4)
    """Least and most reasoning steps of a `builtin` problem (its difficulty)."""
    slice: Slice | None = None
    """Keep rows [first, end)."""
