"""How texts are drawn, ended and cut into segments, as payloads say it (part of cotspec.spec.payload, which re-exports
it)."""

from typing import Literal

from cotspec.spec.base import Part


class TraceFormat(Part):
    """Openers of the segments; `step` holds `{n}`."""

    thinking: str
    step: str
    answer: str


class Stop(Part):
    """What ends a completion besides its end-of-sequence token: a literal text, or the end of the answer's line.

    `format` says how that line is found; its openers are "" where nothing asks for it.
    """

    texts: tuple[str, ...] = ()
    after: Literal["", "answer"] = ""
    format: TraceFormat = TraceFormat.model_construct(thinking="", step="", answer="")


class Sampling(Part):
    """How text is drawn; temperature 0 is greedy, top_k 0 keeps all."""

    n: int
    temperature: float
    top_p: float
    top_k: int
    max_new_tokens: int
    stop: Stop = Stop.model_construct()
