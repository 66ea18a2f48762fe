"""Only regular files of bounded size in places that may be read are opened, and nothing is waited for."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from cotspec.files import regular


def test_what_is_no_regular_file_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "round").symlink_to("round")
    (tmp_path / "folder").mkdir()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(tmp_path / "socket"))
    odd = ["pipe", "round", "folder", "socket", "gone", "a\0b", "\ud800", "x" * 300]
    for path in (*(tmp_path / name for name in odd), Path("/dev/zero")):
        with pytest.raises(OSError):
            regular.content(path)


def test_a_file_is_read_up_to_a_size(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    assert regular.content(tmp_path / "a", most=5) == b"12345"
    with pytest.raises(OSError, match="more than 4 bytes"):
        regular.content(tmp_path / "a", most=4)


def test_what_is_read_to_its_end_was_written(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    with (tmp_path / "holes").open("wb") as file:
        file.truncate(2**40)
    with regular.whole(tmp_path / "a") as file:
        assert file.read() == b"12345"
    with pytest.raises(OSError, match="nothing was written"):
        regular.whole(tmp_path / "holes")


def test_links_are_followed_to_an_end_in_a_place_that_may_be_read(tmp_path: Path) -> None:
    project, cache, outside = (tmp_path / name for name in ("project", "cache", "outside"))
    for folder in (project, cache, outside):
        folder.mkdir()
        (folder / "file").write_text(folder.name)
        (project / f"to-{folder.name}").symlink_to(folder / "file")
    (project / "up").symlink_to(outside)
    within = (project, cache)
    assert regular.content(project / "to-project", within=within) == b"project"
    assert regular.content(project / "to-cache", within=(project, tmp_path / "other", tmp_path)) == b"cache"
    for name in ("to-outside", "up/file", "../outside/file"):
        with pytest.raises(OSError, match="leads out of the project"):
            regular.content(project / name, within=within)
    assert regular.content(project / "to-outside") == b"outside", "without `within`, wherever it leads"


def test_a_folder_is_looked_through_without_following_links_out_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "out/a/b").mkdir(parents=True)
    (tmp_path / "out/a/b/file").write_text("")
    (tmp_path / "out/up").symlink_to("/")
    (tmp_path / "whole").symlink_to("/")
    assert list(regular.below(tmp_path / "out", within=(tmp_path,))) == ["a/b/file"]
    with pytest.raises(OSError, match="leads out of the project"):
        regular.below(tmp_path / "whole", within=(tmp_path,))
    monkeypatch.setattr(regular, "MOST_FILES", 10)
    with pytest.raises(OSError, match="more than 10 files"):
        regular.below(Path("/etc"))


def test_lines_are_bounded(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12\n345\n6")
    with regular.opened(tmp_path / "a") as file:
        assert list(regular.lines(file, longest=4)) == [b"12\n", b"345\n", b"6"]
    with regular.opened(tmp_path / "a") as file, pytest.raises(ValueError, match="line 2 has more than 3 bytes"):
        list(regular.lines(file, longest=3))
