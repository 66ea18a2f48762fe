"""A revision on the hub → the commit it is now. Downloads nothing."""

from __future__ import annotations

import os

from cotspec.hub.problem import NOUNS, HubError, Kind, explained, require
from cotspec.spec.lock import is_commit


def commit(kind: Kind, id: str, revision: str) -> str:
    """The commit a branch or tag points to. Honours HF_ENDPOINT, HF_TOKEN and HF_HUB_OFFLINE. Raises HubError."""
    require(revision)
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    from huggingface_hub import HfApi, constants

    api, seconds = HfApi(), constants.HF_HUB_ETAG_TIMEOUT
    try:
        if kind == "models":
            found = api.model_info(id, revision=revision, timeout=seconds).sha
        else:
            found = api.dataset_info(id, revision=revision, timeout=seconds).sha
    except Exception as error:
        raise explained(error, kind, id, revision) from error
    if not isinstance(found, str) or not is_commit(found):
        raise HubError(f"the hub's answer about the {NOUNS[kind]} `{id}` holds no commit", "check HF_ENDPOINT")
    return found
