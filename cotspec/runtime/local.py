"""What this machine alone knows (cotspec.local.yaml): folders of hub models and data sets, where downloads are kept.

Read when a task runs, because tasks are compiled on another machine or day. A project without the file has no such
folders. `cotspec check` says what is wrong with the file in more words.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from cotspec.files import plain, regular
from cotspec.hub import fetch
from cotspec.runtime.errors import TaskError
from cotspec.spec.local import LOCAL_FILE, Local, folder
from cotspec.spec.lock import is_commit

_CACHE = "HF_HOME"


def read(root: Path) -> Local:
    """The project's settings for this machine. Raises TaskError when the file cannot be used."""
    try:
        data = plain.yaml_value(regular.content(root / LOCAL_FILE, most=plain.MOST_YAML, within=(root,)))
    except FileNotFoundError:
        return Local()
    except OSError as error:
        raise TaskError(f"cannot read {LOCAL_FILE}: {error.strerror}") from error
    except plain.DataError as error:
        raise TaskError(f"{LOCAL_FILE} is not read: {error} (`cotspec check` says where)") from error
    try:
        return Local() if data is None else Local.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise TaskError(f"{LOCAL_FILE}: {place}: {first['msg']} (run `cotspec check`)") from error


def found(root: Path, kind: Literal["models", "data"], hub_id: str, revision: str) -> Path | None:
    """The local folder of a hub model or data set; None when none is named.

    Raises TaskError when it is not there, or says that it is of another commit than the payload names.
    """
    named: dict[str, str] = getattr(read(root), kind)
    if hub_id not in named:
        return None
    place = folder(named[hub_id], root)
    if not place.is_dir():
        raise TaskError(f"{LOCAL_FILE} names {place} for {hub_id}, and there is no such folder")
    others = fetch.told(place.resolve()) - {revision}
    if others and is_commit(revision):
        raise TaskError(f"{LOCAL_FILE} names {place} for {hub_id}: it is of {min(others)}, and {revision} is wanted")
    return place


def set_cache(root: Path) -> None:
    """Set where downloads are kept, before any library that reads it is imported; a variable that is set goes first."""
    cache = read(root).cache
    if cache is not None and not os.environ.get(_CACHE):
        os.environ[_CACHE] = str(folder(cache, root))
