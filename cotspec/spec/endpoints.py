"""Servers behind which models are: how their addresses are written and compared. Knows neither specs nor sockets."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import Field

ADDRESS: Final = r"^https?://[A-Za-z0-9._~:\[\]-]+(/[A-Za-z0-9._~%:+-]+)*/?$"
#: Where a server is. No user, password or query: what is secret stands in no file.
Address = Annotated[str, Field(pattern=ADDRESS, max_length=500)]

_PARTS: Final = re.compile(r"(https?)://([^/]+)(.*)", re.DOTALL)
_USUAL: Final = {"http": ":80", "https": ":443"}


def same(address: str) -> str:
    """The one spelling of an address: what says nothing, as the case of a host and a slash at the end, is gone. What is
    no address stays as it is."""
    parts = _PARTS.fullmatch(address.strip())
    if parts is None:
        return address
    scheme, host, path = parts.groups()
    return f"{scheme}://{host.lower().removesuffix(_USUAL[scheme])}{path.rstrip('/')}"
