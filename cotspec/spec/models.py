"""What a person may write under `models:`. Re-exported by `cotspec.spec.experiment`."""

from typing import Final

from cotspec.spec.base import Argument, Part, Text
from cotspec.spec.endpoints import Address

MODEL_SOURCES: Final = ("hub", "builtin", "path", "endpoint")
"""A model comes from exactly one of these."""


class Endpoint(Part):
    """A model that a server has. Texts are sent to it only where `cotspec.local.yaml` agrees (`endpoints`)."""

    model: Text
    """What the server calls it."""
    url: Address | None = None
    """Where the server is, up to and with `/v1`. It says who serves the model, so another one is another model; where
    the place says nothing (one's own server, now here and now there) leave it out: `cotspec.local.yaml` then has it."""
    key: Argument | None = None
    """Name of the variable of the environment that holds the server's key. It is for readers: a key is sent only where
    `cotspec.local.yaml` names its variable. Never part of the identity."""
    served: Text | None = None
    """A word of one's own for what is served under that name (a date, a quantisation), which no server is asked for;
    another one has all texts written anew."""
    request: dict[Argument, bool | int | float | str] = {}
    """Further fields of every request, such as `{reasoning_effort: low}`."""


class Model(Part):
    """Where a model's weights come from: exactly one of `hub`, `builtin`, `path`, `endpoint`."""

    hub: Text | None = None
    """Id on the model hub, `owner/name`."""
    builtin: str | None = None
    """Name of a model that comes with cotspec."""
    path: str | None = None
    """Folder of a saved model, relative to the spec file."""
    endpoint: Endpoint | None = None
    """A model behind an OpenAI-compatible server ([endpoints.md](endpoints.md)). It writes texts (`generate`) and is
    evaluated; there are no weights to train."""
    revision: Text | None = None
    """Commit, tag or branch of a `hub` model (`main`); `cotspec lock` pins what is no commit."""
    chat: bool = False
    """Wrap prompts with the tokenizer's chat template (instruct and reasoning models); an `endpoint` is then asked by
    `/chat/completions`, which most servers have alone, else by `/completions`."""
    system: Text | None = None
    """What the chat template puts into the system turn of every prompt (`chat: true`)."""
    template: dict[Argument, bool | int | float | str] = {}
    """Arguments of the chat template, such as `{enable_thinking: false}` (`chat: true`)."""
    trust_remote_code: bool = False
    """Run the code that comes with a `hub` model; whoever checks or builds must agree (`--trust-remote-code`)."""
