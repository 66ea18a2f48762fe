"""How texts are drawn, ended and cut into segments, as payloads say it (part of cotspec.spec.payload, which re-exports
it)."""

from typing import Literal

from cotspec.spec.base import Part


class SegmentFormat(Part):
    """A segment of the form: one of one's own, or `thinking`, `step` or `answer` where a spec writes it.

    `closes` is "" where it ends as another begins, `when` where it always belongs to the form.
    """

    name: str
    opens: str
    closes: str
    label: tuple[str, ...] = ()
    grade: bool = False
    when: str = ""
    many: bool = False


Form = tuple[SegmentFormat, ...]


class UsualFormat(Part):
    """Openers of the segments that are always there; `step` holds `{n}`."""

    thinking: str
    step: str
    answer: str


class TraceFormat(UsualFormat):
    """How a text is cut. `form` is empty where a spec has no segments of its own; otherwise it holds those that it
    writes, in order."""

    form: Form = ()


class Stop(Part):
    """What ends a completion besides its end-of-sequence token: a literal text, or the end of the answer's line.

    `format` says how that line is found; its openers are "" where nothing asks for it.
    """

    texts: tuple[str, ...] = ()
    after: Literal["", "answer"] = ""
    format: UsualFormat = UsualFormat.model_construct(thinking="", step="", answer="")


class Sampling(Part):
    """How text is drawn; temperature 0 is greedy, top_k 0 keeps all."""

    n: int
    temperature: float
    top_p: float
    top_k: int
    max_new_tokens: int
    stop: Stop = Stop.model_construct()
