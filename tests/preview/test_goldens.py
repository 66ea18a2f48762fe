"""What a preview of each stage of the shipped specs looks like, for people and for programs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support import Run

GOLDEN = Path(__file__).parent / "golden"
PREVIEWS = [
    ("bridge-tiny", "structure", ()),
    ("bridge-tiny", "compress", ("--try", "teacher", "--row", "3")),
    ("bridge-tiny", "rewrite", ()),
    ("bridge-gsm8k", "structure", ("--row", "5")),
    ("bridge-gsm8k", "compress", ("--response", "Step 1: 12 / 16 + 1 = 1.75 hours.\nAnswer: 105 minutes", "--id", "1")),
    ("bridge-gsm8k", "rewrite", ("--try", "teacher")),
]


@pytest.mark.parametrize("output", ["text", "json"])
@pytest.mark.parametrize(
    ("spec", "stage", "options"), PREVIEWS, ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_preview_is_what_it_was(
    project: Path, run: Run, update_golden: bool, spec: str, stage: str, options: tuple[str, ...], output: str
) -> None:
    code, found, err = run(f"specs/{spec}.yaml", stage, *options, "--format", output)
    assert (code, err) == (0, "")
    found = re.sub(r"\b(traces|mine)-[0-9a-f]{12}\b", r"\1-ID", found)  # follows every change of a body
    golden = GOLDEN / f"{spec}-{stage}.{'txt' if output == 'text' else 'json'}"
    if update_golden:
        golden.write_text(found, encoding="utf-8")
    assert found == golden.read_text(encoding="utf-8"), f"{golden}: look at it, then run pytest with --update-golden"
