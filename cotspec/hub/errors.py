"""What can go wrong with the hub, in a person's words. Goes by the names of errors, which say more than their texts."""

from __future__ import annotations

import importlib.util
import os
import re
from typing import Final, Literal

Kind = Literal["models", "data"]
NOUNS: Final = {"models": "model", "data": "data set"}
_REVISION: Final = re.compile(r"(?!.*\.\.)\w[\w./+@-]*")
_SIGN_IN: Final = "log in (`hf auth login`) or set HF_TOKEN"


class HubError(Exception):
    """The hub did not give what was asked for; the message says why, `advice` what to do."""

    def __init__(self, message: str, advice: str = "", *, silent: bool = False) -> None:
        super().__init__(message)
        self.advice = advice
        self.silent = silent
        """Nobody answers: it is of no use to ask for something else."""


def require(revision: str) -> None:
    """Raises HubError when the library that talks to the hub is not installed, or for a revision that git would not
    have: the client makes a path in its cache of it."""
    if _REVISION.fullmatch(revision) is None:
        raise HubError(f"`{revision}` is no revision", "name a branch, a tag or a commit")
    if importlib.util.find_spec("huggingface_hub") is None:
        advice = "pip install huggingface_hub (it comes with cotspec[train])"
        raise HubError("asking the hub needs huggingface_hub, which is not installed", advice, silent=True)


def explained(error: Exception, kind: Kind, id: str, revision: str) -> HubError:
    """The same, for a person. An error that is none of the hub's is raised again: it is a bug."""
    names = {each.__name__ for each in type(error).__mro__}
    what = f"{NOUNS[kind]} `{id}`"
    failure = _offline(names, what, revision) or _answered(error, names, what, revision)
    failure = failure or _unreachable(error, names, what, revision)
    if failure is not None:
        return failure
    if names & {"OSError", "XetDownloadError"}:
        return HubError(f"the {what} cannot be fetched ({_first(error)})", "what was fetched is kept: run it again")
    raise error


def _offline(names: set[str], what: str, revision: str) -> HubError | None:
    if "OfflineModeIsEnabled" in names or (_told_offline() and "LocalEntryNotFoundError" in names):
        where = "" if "OfflineModeIsEnabled" in names else f" and {revision} of the {what} is not on this machine"
        return HubError(f"HF_HUB_OFFLINE is set{where}", "unset it where there is a network", silent=True)
    return None


def _told_offline() -> bool:
    return os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE")


def _answered(error: Exception, names: set[str], what: str, revision: str) -> HubError | None:
    """The hub answered, and not with what was asked for."""
    if "GatedRepoError" in names:
        return HubError(f"the {what} is gated", f"accept its terms on its page on the hub, then {_SIGN_IN}")
    if "RepositoryNotFoundError" in names:
        return HubError(f"the hub has no {what}, or does not show it to you", f"check its name; if private, {_SIGN_IN}")
    if "RevisionNotFoundError" in names:
        return HubError(f"the {what} has no revision `{revision}`", "name a branch, a tag or a commit that it has")
    if "HFValidationError" in names:
        advice = "an id is `owner/name`, of letters, digits, `-`, `_` and `.`, 96 of them at most"
        return HubError(f"there can be no {what} on the hub", advice)
    if "HTTPStatusError" in names or "HfHubHTTPError" in names:
        return _status(getattr(getattr(error, "response", None), "status_code", None), what)
    return None


def _status(status: object, what: str) -> HubError:
    match status:
        case 401:
            return HubError("the hub does not accept your token (401)", _SIGN_IN)
        case 403:
            return HubError(f"the hub does not let you read the {what} (403)", "use a token that may")
        case 429:
            return HubError("the hub was asked too often (429)", "wait a little and run the command again", silent=True)
        case _:
            return HubError(f"the hub answered {status or 'with an error'} about the {what}", "try again later")


def _unreachable(error: Exception, names: set[str], what: str, revision: str) -> HubError | None:
    """Nobody answered."""
    advice = "check the network, the proxy and HF_ENDPOINT"
    if re.search(r"404.*/xet-(read|write)-token/", str(error)):  # said of all that goes wrong on the way to Xet
        return HubError("the hub has no Xet storage, by which large files go", "export HF_HUB_DISABLE_XET=1")
    if names & {"TimeoutException", "TimeoutError"}:
        return HubError("the hub did not answer in time", advice, silent=True)
    if names & {"TransportError", "ConnectionError", "RequestError"}:
        return HubError(f"the hub cannot be reached ({_first(error)})", advice, silent=True)
    if "LocalEntryNotFoundError" in names:
        text = f"the hub cannot be reached and {revision} of the {what} is not on this machine"
        return HubError(text, advice, silent=True)
    if names & {"JSONDecodeError", "KeyError", "FileMetadataError", "InvalidURL"}:
        return HubError(f"what answers is no model hub ({type(error).__name__})", "check HF_ENDPOINT", silent=True)
    return None


def _first(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
