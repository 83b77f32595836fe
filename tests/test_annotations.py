"""Annotation files, each read back by a reader that had no part in writing it, and equal to the rows."""

import csv
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from html import unescape
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import av
import numpy as np
import pyarrow.parquet as pq
import pympi
import pytest
import tgt
from parts.moments import decision

from realtime_cer.errors import Refused
from realtime_cer.labels import BASIC, COMPOUND
from realtime_cer.records import Decision
from realtime_cer.sinks.annotations import FILES, formats_of, write_annotations
from realtime_cer.sinks.annotations.tiers import ABOVE, tiers
from realtime_cer.sinks.segments import NO_ROWS, said
from realtime_cer.sinks.tables import csv_header, to_csv

Spans = list[tuple[float, float, str]]

ODD = 'a & b --> "c" <i>ü</i>'


def session(count: int = 120, step: float = 0.2, start: float = 0.0) -> list[Decision]:
    """Rows that change every few, with a stretch of nobody, one without rows, and one with an odd reason."""
    rows = []
    for n in range(count):
        if n % 60 in range(40, 44):
            continue
        nobody = n % 60 in range(20, 27)
        row = decision(n, start + n * step, n // 6, here=() if nobody else ("static", "dynamic", "acoustic")[: n % 4])
        rows.append(replace(row, face=None, label=None, reason=ODD) if n % 60 in range(50, 53) else row)
    return rows


def elan(path: Path) -> dict[str, Spans]:
    """By ElementTree alone, with what the schema wants held on the way."""
    root = ElementTree.parse(path).getroot()
    assert root.tag == "ANNOTATION_DOCUMENT"
    assert {"AUTHOR", "DATE", "FORMAT", "VERSION"} <= set(root.attrib)
    order = ["HEADER", "TIME_ORDER", "TIER", "LINGUISTIC_TYPE", "LANGUAGE", "CONSTRAINT", "CONTROLLED_VOCABULARY"]
    assert list(dict.fromkeys(child.tag for child in root)) == order
    slots = {one.attrib["TIME_SLOT_ID"]: int(one.attrib["TIME_VALUE"]) for one in root.iter("TIME_SLOT")}
    assert list(slots.values()) == sorted(slots.values()), "time slots are in the order of time"
    types = {one.attrib["LINGUISTIC_TYPE_ID"]: one for one in root.iter("LINGUISTIC_TYPE")}
    names = [one.attrib["ANNOTATION_ID"] for one in root.iter("ALIGNABLE_ANNOTATION")]
    assert len(set(names)) == len(names)
    vocabulary = types["compound"].attrib["CONTROLLED_VOCABULARY_REF"]
    (words,) = (one for one in root.iter("CONTROLLED_VOCABULARY") if one.attrib["CV_ID"] == vocabulary)
    assert tuple(one.text for one in words.iter("CVE_VALUE")) == COMPOUND
    found = {}
    for tier in root.iter("TIER"):
        assert tier.attrib["LINGUISTIC_TYPE_REF"] in types
        found[tier.attrib["TIER_ID"]] = [
            (
                slots[one.attrib["TIME_SLOT_REF1"]] / 1000,
                slots[one.attrib["TIME_SLOT_REF2"]] / 1000,
                one.findtext("ANNOTATION_VALUE") or "",
            )
            for one in tier.iter("ALIGNABLE_ANNOTATION")
        ]
    return found


def elan_by_pympi(path: Path) -> dict[str, Spans]:
    eaf = pympi.Eaf(str(path))
    return {
        name: [(a / 1000, b / 1000, value) for a, b, value in eaf.get_annotation_data_for_tier(name)]
        for name in eaf.get_tier_names()
    }


def praat(path: Path) -> dict[str, Spans]:
    grid = tgt.read_textgrid(str(path), encoding="utf-8")
    return {
        tier.name: [(float(i.start_time), float(i.end_time), i.text.replace('""', '"')) for i in tier]
        for tier in grid.tiers
    }


def table(path: Path) -> dict[str, Spans]:
    with path.open(encoding="utf-8", newline="") as file:
        found: dict[str, Spans] = {}
        for row in csv.DictReader(file):
            found.setdefault(row["tier"], []).append((float(row["start_s"]), float(row["end_s"]), row["value"]))
        return found


def cues(path: Path) -> Spans:
    """By FFmpeg's own readers of WebVTT and SubRip."""
    with av.open(str(path)) as film:
        return [
            (float(p.pts * p.time_base), float((p.pts + p.duration) * p.time_base), unescape(bytes(p).decode()))
            for p in film.demux()
            if p.pts is not None
        ]


def at(spans: Spans, t: float) -> str | None:
    """What is marked at a time; the marks must not overlap there."""
    found = [value for start, end, value in spans if start <= t + 5e-4 and t + 5e-4 < end]
    assert len(found) <= 1
    return found[0] if found else None


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Decision]]:
    """Every file of a session, without any joining: what is marked at a row's time is what the row says."""
    folder = tmp_path_factory.mktemp("written")
    rows = session()
    done = write_annotations(folder, rows, formats_of("all"), title="a <film>", minimum_s=0, bridge_s=0)
    assert [path.name for path in done] == list(FILES.values())
    assert sorted(path.name for path in folder.iterdir()) == sorted(FILES.values()), "nothing else is left there"
    return folder, rows


@pytest.mark.parametrize(("name", "read"), [("eaf", elan), ("eaf", elan_by_pympi), ("textgrid", praat), ("csv", table)])
def test_every_row_is_found_in_the_tiers(
    written: tuple[Path, list[Decision]], name: str, read: Callable[[Path], dict[str, Spans]]
) -> None:
    folder, rows = written
    found = read(folder / FILES[name])
    for row in rows:
        assert at(found["compound"], row.t) == row.label
        assert at(found["abstention"], row.t) == (None if row.label else row.reason)
        assert at(found.get("voice", []), row.t) == ("voice" if row.models["acoustic"] is not None else None)
        for i, emotion in enumerate(BASIC):
            share = 0.0 if row.basic is None else row.basic[i] / sum(row.basic)
            assert (at(found.get(emotion, []), row.t) is not None) == (share >= ABOVE)
    gap = 0.2 * 42
    assert (at(found["compound"], gap), at(found["abstention"], gap)) == (None, NO_ROWS)


def test_a_basic_tier_holds_mean_shares(written: tuple[Path, list[Decision]]) -> None:
    folder, rows = written
    found = table(folder / FILES["csv"])
    start, end, value = found["Happiness"][0]
    mine = [r.basic[4] / sum(r.basic) for r in rows if r.basic is not None and start <= r.t + 1e-6 < end]
    assert float(value) == pytest.approx(np.mean(mine), abs=0.0051)


@pytest.mark.parametrize("name", ["vtt", "srt"])
def test_subtitles_are_the_labels(written: tuple[Path, list[Decision]], name: str) -> None:
    folder, rows = written
    found = cues(folder / FILES[name])
    assert [at(found, row.t) for row in rows] == [row.label for row in rows]


def test_chapters_cover_the_film(written: tuple[Path, list[Decision]]) -> None:
    folder, rows = written
    found = cues(folder / FILES["chapters"])
    assert [at(found, row.t) for row in rows] == [row.label or f"({row.reason})" for row in rows]
    assert [end for _, end, _ in found[:-1]] == [start for start, _, _ in found[1:]]
    assert (found[0][0], found[-1][1]) == (0.0, pytest.approx(24.0))


def test_a_player_finds_the_subtitles_in_a_film(written: tuple[Path, list[Decision]], tmp_path: Path) -> None:
    folder, _ = written
    film = tmp_path / "film.mkv"
    words = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "color=s=64x64:r=5:d=24", "-i"]
    subprocess.run([*words, folder / FILES["vtt"], "-map", "0", "-map", "1", "-c:s", "copy", film], check=True)
    asked = ["-select_streams", "s", "-show_entries", "packet=pts_time,duration_time", "-of", "json", str(film)]
    told = subprocess.run(["ffprobe", "-v", "error", *asked], check=True, capture_output=True, text=True).stdout
    found = [(float(p["pts_time"]), float(p["duration_time"])) for p in json.loads(told)["packets"]]
    assert found == [pytest.approx((start, end - start)) for start, end, _ in cues(folder / FILES["vtt"])]


def test_parquet_holds_every_cell_of_the_rows(written: tuple[Path, list[Decision]]) -> None:
    folder, rows = written
    found = pq.read_table(folder / FILES["parquet"])
    assert found.schema.names == csv_header()
    assert [list(row.values()) for row in found.to_pylist()] == [to_csv(row) for row in rows]
    kinds = {name: str(found.schema.field(name).type) for name in ("t", "seq", "label", "engine_static")}
    assert kinds == {"t": "double", "seq": "int64", "label": "string", "engine_static": "string"}
    assert json.loads(found.schema.metadata[b"realtime-cer"]) == {"title": "a <film>"}


def test_segments_of_a_film_at_its_own_rate_fit_together_after_an_hour(tmp_path: Path) -> None:
    """29.97 frames a second do not fall on milliseconds."""
    rows = session(600, 1001 / 30000, start=3599.9)
    write_annotations(tmp_path, rows, formats_of("all"), title="long")
    for spans in (*elan(tmp_path / FILES["eaf"]).values(), *praat(tmp_path / FILES["textgrid"]).values()):
        assert all(one[1] <= other[0] for one, other in pairwise(spans))
        assert all(end - start >= 0.6 for start, end, _ in spans)
    expected = [mark for tier in tiers(rows, minimum_s=0.6, bridge_s=1.0) for mark in tier.marks]
    told = [span for spans in table(tmp_path / FILES["csv"]).values() for span in spans]
    assert told == [(mark.start_ms / 1000, mark.end_ms / 1000, mark.value) for mark in expected]
    assert cues(tmp_path / FILES["chapters"])[0][0] == pytest.approx(3599.9)
    assert cues(tmp_path / FILES["srt"])[-1][1] > 3600


@pytest.mark.parametrize("rows", [[], session(1), [replace(session(1)[0], t=-1.0)]], ids=["none", "one", "before 0"])
def test_short_sessions_give_files_that_open(rows: Sequence[Decision], tmp_path: Path) -> None:
    write_annotations(tmp_path, rows, formats_of("all"), title="short")
    marks = sum(len(spans) for spans in elan(tmp_path / FILES["eaf"]).values())
    assert (marks > 0) == bool(rows and rows[0].t >= 0)
    assert len(pq.read_table(tmp_path / FILES["parquet"])) == len(rows)
    assert len(praat(tmp_path / FILES["textgrid"])) == 10


def test_what_xml_cannot_hold_does_not_tear_the_document(tmp_path: Path) -> None:
    rows = [replace(row, label=None, reason="a\x00b\ud800\x1bc") for row in session(5)]
    write_annotations(tmp_path, rows, ["eaf"], title="bell \a", media=tmp_path / "ä ü#1.mp4")
    assert {value for _, _, value in elan(tmp_path / FILES["eaf"])["abstention"]} == {"a\ufffdb\ufffd\ufffdc"}
    link = next(ElementTree.parse(tmp_path / FILES["eaf"]).iter("MEDIA_DESCRIPTOR")).attrib
    assert link["MEDIA_URL"] == f"file://{(tmp_path / 'ä ü#1.mp4').resolve().as_posix()}"
    assert (link["RELATIVE_MEDIA_URL"], link["MIME_TYPE"]) == ("./ä ü#1.mp4", "video/mp4")


@pytest.mark.parametrize(
    ("film", "document", "way"),
    [
        ("talk.mp4", ".", "./talk.mp4"),
        ("films/a b/täglich #1 100%25.mp4", "results", "../films/a b/täglich #1 100%25.mp4"),
        ("out/deep/film.mkv", "out", "./deep/film.mkv"),
        ("film.mp4", "out/deep", "../../film.mp4"),
    ],
)
def test_elan_finds_the_film_wherever_the_document_lies(film: str, document: str, way: str, tmp_path: Path) -> None:
    """ELAN cuts off file:// or puts the document's folder before, and looks for a file of just that name."""
    for folder in ((tmp_path / film).parent, tmp_path / document):
        folder.mkdir(parents=True, exist_ok=True)
    (tmp_path / film).touch()
    write_annotations(tmp_path / document, session(5), ["eaf"], title="film", media=tmp_path / film)
    link = next(ElementTree.parse(tmp_path / document / FILES["eaf"]).iter("MEDIA_DESCRIPTOR")).attrib
    assert Path(link["MEDIA_URL"].removeprefix("file://")).samefile(tmp_path / film)
    assert link["RELATIVE_MEDIA_URL"] == way
    assert (tmp_path / document / way).samefile(tmp_path / film)


def test_the_film_is_found_from_a_folder_that_was_named_from_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "film.mp4").touch()
    (tmp_path / "out").mkdir()
    monkeypatch.chdir(tmp_path)
    write_annotations(Path("out"), session(5), ["eaf"], title="film", media=Path("in/film.mp4"))
    link = next(ElementTree.parse(tmp_path / "out" / FILES["eaf"]).iter("MEDIA_DESCRIPTOR")).attrib
    assert link["RELATIVE_MEDIA_URL"] == "../in/film.mp4"
    assert Path(link["MEDIA_URL"].removeprefix("file://")) == (tmp_path / "in" / "film.mp4").resolve()


PRAAT = """form read
  sentence file x
endform
Read from file: file$
length = Get end time
writeInfoLine: fixed$ (length, 3)
tiers = Get number of tiers
for i to tiers
  name$ = Get tier name: i
  n = Get number of intervals: i
  for j to n
    label$ = Get label of interval: i, j
    start = Get start time of interval: i, j
    end = Get end time of interval: i, j
    appendInfoLine: name$, tab$, fixed$ (start, 3), tab$, fixed$ (end, 3), tab$, label$
  endfor
endfor
"""


@pytest.mark.skipif(shutil.which("praat") is None, reason="no praat")
def test_praat_itself_reads_what_the_tiers_say(written: tuple[Path, list[Decision]], tmp_path: Path) -> None:
    folder, rows = written
    (tmp_path / "read.praat").write_text(PRAAT, encoding="utf-8")
    words = ["praat", "--utf8", "--run", str(tmp_path / "read.praat"), str(folder / FILES["textgrid"])]
    told = subprocess.run(words, check=True, capture_output=True, text=True, timeout=60).stdout.splitlines()
    assert float(told[0]) == pytest.approx(24)
    found: dict[str, Spans] = {}
    for name, start, end, label in (line.split("\t") for line in told[1:]):
        found.setdefault(name, []).append((float(start), float(end), label))
    expected = tiers(rows, minimum_s=0, bridge_s=0)
    assert list(found) == [tier.name for tier in expected]
    for tier in expected:
        assert [span for span in found[tier.name] if span[2]] == [
            (pytest.approx(mark.start_ms / 1000), pytest.approx(mark.end_ms / 1000), mark.value) for mark in tier.marks
        ]
        assert all(one[1] == other[0] for one, other in pairwise(found[tier.name])), "the intervals cover the film"


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="the time zone cannot be changed here")
@pytest.mark.parametrize(("zone", "offset"), [("Asia/Kolkata", "+05:30"), ("America/St_Johns", "-03:30|-02:30")])
def test_the_date_of_the_document_has_a_real_time_zone(
    zone: str, offset: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        write_annotations(tmp_path, session(5), ["eaf"], title="zone")
    finally:
        monkeypatch.undo()
        time.tzset()
    date = ElementTree.parse(tmp_path / FILES["eaf"]).getroot().attrib["DATE"]
    assert date[-6:] in offset.split("|")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("name", FILES)
def test_a_full_disk_leaves_the_old_file_as_it_was(name: str, tmp_path: Path) -> None:
    (tmp_path / FILES[name]).write_text("old", encoding="utf-8")
    os.symlink("/dev/full", tmp_path / f"{FILES[name]}.part")
    with pytest.raises(OSError, match="No space left"):
        write_annotations(tmp_path, session(), [name], title="full")
    assert (tmp_path / FILES[name]).read_text(encoding="utf-8") == "old"
    assert [path.name for path in tmp_path.iterdir()] == [FILES[name]]


def test_formats_are_named_in_any_order_and_case() -> None:
    assert formats_of("VTT, csv,,vtt") == ["csv", "vtt"]
    assert formats_of("all", more=["report"]) == [*FILES, "report"]


def test_unknown_and_missing_formats_are_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Refused, match=r"'docx' is no format: choose of all, csv, .*textgrid$"):
        formats_of("eaf,docx")
    with pytest.raises(Refused, match="no format is named"):
        formats_of(" , ")
    monkeypatch.setattr(
        "realtime_cer.sinks.annotations.find_spec", lambda name: None if name == "pyarrow" else find_spec(name)
    )
    with pytest.raises(Refused, match="pip install"):
        formats_of("parquet")
    told: list[str] = []
    assert "parquet" not in formats_of("all", tell=told.append), "the others are written all the same"
    assert told == ["decisions.parquet is left out, as pyarrow is not installed: pip install 'realtime-cer[annotate]'"]
    assert formats_of("eaf", tell=told.append) == ["eaf"]
    assert len(told) == 1, "nobody asked for it"


def test_the_words_of_rows_are_those_of_the_tiers() -> None:
    rows = session()
    told = {mark.value for tier in tiers(rows, minimum_s=0, bridge_s=0)[:2] for mark in tier.marks}
    assert told == {said(row) for row in rows} | {NO_ROWS}
