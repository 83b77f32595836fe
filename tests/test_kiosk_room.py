"""The room's matrix of poses: counts in a file and nothing else, whatever happens to that."""

import json
import os
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_cer.errors import Refused
from realtime_cer.kiosk.room import SAID, Room, Tally, read_room, room_file, write_room
from realtime_cer.labels import COMPOUND


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("REALTIME_CER_ROOM", str(tmp_path / "room"))
    return tmp_path / "room"


@given(st.lists(st.one_of(st.none(), st.tuples(st.integers(0, 6), st.integers(0, 7))), max_size=80))
def test_a_matrix_is_the_count_of_its_pairs(pairs: list[tuple[int, int] | None]) -> None:
    room = Room()
    for pair in pairs:
        room = room.plus(pair)
    counted = Counter(pair for pair in pairs if pair is not None)
    assert {(a, s): n for a, row in enumerate(room.counts) for s, n in enumerate(row) if n} == dict(counted)
    assert room.left_out == pairs.count(None)
    assert room.total == counted.total()
    assert room.agreed == sum(n for (asked, said), n in counted.items() if asked == said)
    twice = room.joined(room)
    assert (twice.total, twice.agreed, twice.left_out) == (2 * room.total, 2 * room.agreed, 2 * room.left_out)
    assert room.joined(Room()) == room


def test_the_file_holds_counts_and_nothing_else(folder: Path) -> None:
    assert read_room() == Room()
    room = Room().plus((0, 0)).plus((0, 7)).plus((5, 1)).plus(None)
    assert write_room(room) == room_file() == folder / "room.json"
    assert read_room() == room
    held = json.loads(room_file().read_text())
    assert held == {"asked": [*COMPOUND], "said": [*SAID], "counts": [list(row) for row in room.counts], "left_out": 1}
    assert os.listdir(folder) == ["room.json"]  # no part is left behind
    lines = room.table().splitlines()
    assert lines[0] == "asked," + ",".join(SAID)
    assert lines[1] == "Fearfully Surprised,1,0,0,0,0,0,0,1"
    assert len(lines) == 8


@pytest.mark.parametrize(
    "text",
    ["", "{}", '{"asked": ["a"], "said": ["b"], "counts": [[1]], "left_out": 0}', "[1, 2"],
)
def test_a_damaged_matrix_is_refused_in_one_line_and_left_as_it_is(folder: Path, text: str) -> None:
    folder.mkdir()
    room_file().write_text(text)
    with pytest.raises(Refused, match=r"^the room's matrix .*: move it away to begin anew$"):
        read_room()
    assert room_file().read_text() == text


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("REALTIME_CER_ROOM", str(tmp_path / "file"))
    assert read_room() == Room()
    with pytest.raises(Refused, match=r"cannot be written.*REALTIME_CER_ROOM"):
        write_room(Room())


def test_a_matrix_that_is_cleared_meanwhile_stays_cleared(folder: Path) -> None:
    tally = Tally()
    tally.count((0, 0))
    write_room(Room())  # as kiosk-matrix --clear does
    tally.count((1, 2))
    assert read_room() == tally.room == Room().plus((1, 2))


def test_what_could_not_be_written_is_counted_with_the_next_pose(folder: Path) -> None:
    tally = Tally()
    tally.count((0, 0))
    (folder / "room.json").unlink()
    folder.rmdir()
    folder.write_text("a file where the folder was")
    for _ in range(2):
        tally.count((3, 4))
    assert "cannot be written" in tally.trouble
    assert tally.room == Room().plus((3, 4)).plus((3, 4))
    folder.unlink()
    tally.count(None)
    assert tally.trouble == ""
    assert read_room() == tally.room == Room().plus((3, 4)).plus((3, 4)).plus(None)


def test_what_was_counted_beside_a_damaged_matrix_is_kept_when_that_is_moved_away(folder: Path) -> None:
    folder.mkdir()
    room_file().write_text("{")
    tally = Tally()
    tally.count((5, 5))
    assert "is damaged" in tally.trouble
    assert room_file().read_text() == "{"
    room_file().rename(folder / "damaged.json")
    tally.settle()
    assert tally.trouble == ""
    assert read_room() == Room().plus((5, 5))
