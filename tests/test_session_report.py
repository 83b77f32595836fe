"""The report of a session: a page that needs nothing beside itself, whose numbers are those of the rows."""

import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from parts.moments import decision
from test_annotations import session
from test_score import ANGRY, HAPPY, results, run, saying

from realtime_cer.commands import export
from realtime_cer.labels import COMPOUND, MODELS
from realtime_cer.quiet import cv2
from realtime_cer.records import Decision
from realtime_cer.sinks.reportfacts import ABSTAINED, STATES, gather
from realtime_cer.sinks.sessionreport import PAGE, PICTURE, session_report

VOID = {"meta", "rect", "path", "line", "br", "img", "link"}


class Page(HTMLParser):
    """Checks that tags close in order, and keeps the tables and what is told of the drawings."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.text = path.read_text(encoding="utf-8")
        self.open: list[str] = []
        self.seen: Counter[str] = Counter()
        self.drawings: list[str] = []
        self.tables: list[list[list[str]]] = []
        self.feed(self.text)
        self.close()
        assert self.open == [], "every tag is closed"

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.seen[tag] += 1
        given = dict(attrs)
        for name in ("src", "href", "xlink:href", "action", "data"):
            assert name not in given, "nothing is loaded from anywhere"
        if tag == "svg":
            assert given["role"] == "img"
            self.drawings.append(given["aria-label"] or "")
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th") and self.tables:
            self.tables[-1][-1].append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.seen[tag] += 1

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if {"td", "th"} & set(self.open):
            self.tables[-1][-1][-1] += data

    def row(self, name: str) -> list[list[str]]:
        """Every row of this name, of whatever table."""
        return [row for table in self.tables for row in table if row and row[0] == name]


def report(folder: Path, rows: Sequence[Decision], **facts: object) -> Page:
    page = session_report(folder, rows, {"title": "made", **facts})
    assert page == folder / PAGE
    picture = cv2.imread(str(folder / PICTURE))
    assert picture.shape == (1080, 1920, 3)
    assert 0.01 < (picture.min(2) < 200).mean() < 0.5
    assert sorted(path.name for path in folder.iterdir()) == [PAGE, PICTURE]
    return Page(page)


def test_the_page_stands_alone_and_its_numbers_are_those_of_the_rows(tmp_path: Path) -> None:
    rows = session(600)
    page = report(tmp_path, rows, networks={"static": "ab" * 32}, versions={"numpy": "2.4"}, notices=["a <notice>"])
    assert not re.search(r"https?:|//|url\(|@import|<script|javascript|<iframe|<link", page.text), (
        "nothing from outside"
    )
    assert page.seen["script"] + page.seen["link"] == 0
    assert "prefers-color-scheme: dark" in page.text
    assert 'name="viewport"' in page.text
    assert len(page.drawings) == 3
    assert all(len(told) > 30 for told in page.drawings), "every drawing says in words what it shows"
    for name in COMPOUND:
        (shares,) = (row for row in page.row(name) if len(row) == 6)
        count = sum(row.label == name for row in rows)
        share = f"{100 * count / len(rows):.0f} %" if count else "–"
        assert shares[2] == share
    reasons = Counter(row.reason for row in rows if row.label is None)
    for reason, count in reasons.items():
        assert [str(count)] in [row[1:2] for row in page.row(str(reason))]
    assert page.row("network static") == [["network static", "ab" * 32]]
    assert "a &lt;notice&gt;" in page.text
    assert len(page.text) < 200_000


def test_who_is_responsible_adds_up(tmp_path: Path) -> None:
    rows = session(300)
    found = gather(rows)
    for told in found.labels:
        mine = [row.contributions for row in rows if row.label == told.word]
        if told.shares is not None:
            assert sum(told.shares) == pytest.approx(1)
            assert told.shares == pytest.approx([np.mean([one.get(name, 0) for one in mine]) for name in MODELS])
    page = report(tmp_path, rows)
    (together,) = page.row("all together")
    assert found.shares is not None
    assert together[2:] == [f"{100 * share:.0f}" for share in found.shares]


def test_transitions_are_counted_between_segments_and_not_over_missing_rows(tmp_path: Path) -> None:
    rows = saying([HAPPY] * 10 + [ANGRY] + [HAPPY] * 9 + [ANGRY] * 10 + [None] * 10 + [HAPPY] * 10)
    rows += [replace(row, t=row.t + 60, seq=row.seq + 300) for row in saying([ANGRY] * 10)]
    counts = gather(rows).transitions
    happy, angry, none = (STATES.index(name) for name in (HAPPY, ANGRY, ABSTAINED))
    assert [counts[happy, angry], counts[angry, none], counts[none, happy]] == [1, 1, 1]
    assert counts.sum() == 3, "an interruption is none, and nobody knows what came before the missing rows"
    page = report(tmp_path, rows)
    (row,) = (row for row in page.row(HAPPY) if len(row) == len(STATES) + 1)
    assert row[1 + angry] == "1"
    assert "there are no decisions at all" in page.text


def test_what_was_longest_and_strongest_is_told() -> None:
    rows = saying([HAPPY] * 4 + [None] * 2 + [HAPPY] * 3)
    values = list(rows[7].compound or ())
    values[COMPOUND.index(HAPPY)] = 9.0
    rows[7] = replace(rows[7], compound=tuple(values))
    told = gather(rows).labels[COMPOUND.index(HAPPY)]
    assert (told.rows, told.longest_s) == (7, 0.8)
    assert told.seconds == pytest.approx(1.4)
    assert told.best_s == pytest.approx(1.4)


def test_rows_at_half_the_rate_count_for_all_of_their_time() -> None:
    rows = saying([HAPPY] * 20 + [ANGRY] * 20 + [HAPPY] * 20)
    found = gather([row for row in rows if row.label == HAPPY or row.seq % 2 == 0])
    happy, angry = (found.labels[COMPOUND.index(name)] for name in (HAPPY, ANGRY))
    assert (angry.rows, angry.seconds, angry.longest_s) == (10, 4.0, 4.0)
    assert (happy.rows, happy.seconds, happy.longest_s) == (40, 8.0, 4.0)
    assert len(found.parts) == 3


@pytest.mark.parametrize(
    "rows",
    [
        saying([HAPPY]),
        saying([None] * 20),
        [decision(n, 0.2 * n, here=(), face=False) for n in range(5)],
        [replace(row, t=0.0) for row in saying([HAPPY] * 3)],
        [replace(row, t=40_000 + row.t) for row in saying([HAPPY, None] * 30)],
    ],
    ids=["one", "nothing named", "nothing known", "one instant", "late"],
)
def test_odd_sessions_have_a_report_too(rows: Sequence[Decision], tmp_path: Path) -> None:
    page = report(tmp_path, rows)
    assert f"{len(rows)} decision" in page.text
    assert "nan" not in page.text.lower().replace("tenan", "")


def test_an_hour_at_25_frames_a_second_makes_a_page_that_a_phone_can_open(tmp_path: Path) -> None:
    rows = [replace(row, t=0.04 * n, seq=n) for n, row in enumerate(session(100) * 900)]
    page = report(tmp_path, rows)
    assert len(rows) > 80_000
    assert len(page.text) < 500_000


def test_a_title_cannot_become_markup(tmp_path: Path) -> None:
    page = report(tmp_path, session(30), title='<script>alert("$x")</script>\udc80')
    assert page.seen["script"] == 0
    assert "&lt;script&gt;" in page.text


def test_a_session_without_rows_has_no_report(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least one"):
        session_report(tmp_path, [], {})


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("name", [PAGE, PICTURE])
def test_a_full_disk_leaves_the_old_report_as_it_was(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("old", encoding="utf-8")
    os.symlink("/dev/full", tmp_path / f"{name}.part")
    with pytest.raises(OSError, match="No space left"):
        session_report(tmp_path, session(30), {})
    assert (tmp_path / name).read_text(encoding="utf-8") == "old"


def test_export_writes_the_report_beside_the_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = results(tmp_path, session())
    assert run(export, folder, "--format", "report,csv") == 0
    assert capsys.readouterr().out.endswith("segments.csv, report.html, report.png\n")
    assert {PAGE, PICTURE, "segments.csv"} < {path.name for path in folder.iterdir()}
