"""A folder → a model repository on the hub, in one commit. Only where a person asked for it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from cotspec.hub.errors import HubError, explained, require


def model(folder: Path, id: str, *, public: bool, message: str) -> str:
    """Upload all files of a folder and return the address of the commit. A repository that is not there is made, for
    the owner's eyes alone unless `public`; of one that is there files stay that the folder does not have. Raises
    HubError.

    Honours HF_ENDPOINT, HF_TOKEN and HF_HUB_OFFLINE.
    """
    require("main")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    from huggingface_hub import HfApi
    from huggingface_hub.utils import disable_progress_bars

    if not sys.stderr.isatty():
        disable_progress_bars()
    api = HfApi()
    try:
        api.create_repo(id, repo_type="model", private=not public, exist_ok=True)
        done = api.upload_folder(repo_id=id, folder_path=folder, repo_type="model", commit_message=message)
    except Exception as error:
        failure = explained(error, "models", id, "main")
        raise HubError(f"not pushed: {failure}", failure.advice or "run the command again") from error
    return str(done.commit_url)
