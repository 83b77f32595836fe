"""Exported rows, corrected by a human and scored: figures by hand, and every way in which a file can be wrong."""

import argparse
import csv
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pympi
import pytest
from parts.moments import decision
from test_annotations import session

from realtime_cer.commands import export, score
from realtime_cer.errors import Refused
from realtime_cer.labels import COMPOUND
from realtime_cer.quiet import cv2
from realtime_cer.records import Decision
from realtime_cer.sinks.annotations import FILES
from realtime_cer.sinks.annotations.corrections import read_corrections, read_elan, read_joining
from realtime_cer.sinks.annotations.joining import Joining
from realtime_cer.sinks.annotations.spans import read_spans
from realtime_cer.sinks.annotations.tiers import Mark
from realtime_cer.sinks.tables import Tables, to_json, to_row

HAPPY, ANGRY = "Happily Surprised", "Sadly Angry"


def results(folder: Path, rows: Sequence[Decision]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    with Tables(folder) as tables:
        for row in rows:
            tables.write(row)
    return folder


def saying(labels: Sequence[str | None]) -> list[Decision]:
    """A row on the grid for each label."""
    return [
        replace(decision(n, 0.2 * n, seed=1), label=label, reason=None if label else "no face")
        for n, label in enumerate(labels)
    ]


def run(module: Any, *arguments: object) -> int:
    parser = argparse.ArgumentParser()
    module.add_arguments(parser)
    options = parser.parse_args([str(one) for one in arguments])
    return int(module.run_export(options) if module is export else module.run_score(options))


def table(path: Path, *rows: tuple[str, object, object, str]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("tier", "start_s", "end_s", "value"), *rows])
    return path


@pytest.mark.parametrize("name", ["eaf", "csv"])
def test_what_was_exported_and_not_touched_agrees_wholly(name: str, tmp_path: Path) -> None:
    folder = results(tmp_path / "results", session())
    lengths = ("--minimum-s", "0.6", "--bridge-s", "1")
    assert run(export, folder, "--format", name, "--out", tmp_path / "out", *lengths) == 0
    assert run(score, folder, "--against", tmp_path / "out" / FILES[name], "--out", tmp_path / "score", *lengths) == 0
    found = json.loads((tmp_path / "score" / "score.json").read_text(encoding="utf-8"))
    assert (found["agreement"], found["kappa"], found["where_both_name_one"]["agreement"]) == (1.0, 1.0, 1.0)
    assert found["steps"] == len(session()), "steps without rows are not judged"


def test_segments_held_against_bare_rows_are_told_and_how_to_do_better(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = results(tmp_path / "results", saying([HAPPY] * 6 + [ANGRY] + [HAPPY] * 6))
    assert run(export, folder, "--format", "eaf,csv", "--out", tmp_path / "out", "--minimum-s", "0.4") == 0
    against = ("--against", tmp_path / "out" / FILES["eaf"])
    capsys.readouterr()
    assert run(score, folder, *against, "--out", tmp_path / "score") == 0
    captured = capsys.readouterr()
    assert "92.3 % of 13 steps agree" in captured.out
    [line] = captured.err.splitlines()
    assert "was exported with --minimum-s 0.4 --bridge-s 1, the rows are scored with --minimum-s 0 --bridge-s 0" in line
    found = json.loads((tmp_path / "score" / "score.json").read_text(encoding="utf-8"))
    assert (found["minimum_s"], found["exported"]) == (0, {"minimum_s": 0.4, "bridge_s": 1})
    assert run(score, folder, *against, "--minimum-s", 0.4, "--bridge-s", 1) == 0
    captured = capsys.readouterr()
    assert ("100.0 % of 13 steps agree" in captured.out, captured.err) == (True, "")
    assert run(score, folder, "--against", tmp_path / "out" / FILES["csv"]) == 0
    assert "add --minimum-s 0.6 --bridge-s 1, or what it was given" in capsys.readouterr().err
    assert run(score, folder, "--against", tmp_path / "out" / FILES["csv"], "--minimum-s", 0) == 0
    assert capsys.readouterr().err == "", "whoever names a length knows"


@pytest.mark.parametrize("text", ["", "soon", "-1", "nan", "inf"])
def test_a_document_that_tells_no_lengths_is_as_one_of_others(text: str, tmp_path: Path) -> None:
    path = tmp_path / "coded.eaf"
    facts = f'<PROPERTY NAME="minimum_s">{text}</PROPERTY><PROPERTY NAME="bridge_s">1</PROPERTY><PROPERTY>x</PROPERTY>'
    path.write_text(document(f"<HEADER>{facts}</HEADER>"), encoding="utf-8")
    assert read_joining(path) is None


def test_lengths_survive_a_document_that_was_saved_again(tmp_path: Path) -> None:
    folder = results(tmp_path, saying([HAPPY] * 10))
    run(export, folder, "--format", "eaf", "--bridge-s", "2.5")
    pympi.Eaf(str(tmp_path / FILES["eaf"])).to_file(str(tmp_path / "again.eaf"))
    assert read_joining(tmp_path / "again.eaf") == Joining(0.6, 2.5)


def test_figures_are_those_worked_out_by_hand(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = results(tmp_path / "results", saying([HAPPY] * 6 + [ANGRY] * 2 + [None] * 2))
    human = table(tmp_path / "human.csv", ("compound", 0, 0.8, HAPPY), ("compound", 0.8, 1.6, ANGRY))
    assert run(score, folder, "--against", human, "--out", tmp_path / "score") == 0
    found = json.loads((tmp_path / "score" / "score.json").read_text(encoding="utf-8"))
    # Human 4 happy, 4 angry, 2 nothing; the machine 6, 2, 2; they agree on 4 + 2 + 2.
    chance = (4 * 6 + 4 * 2 + 2 * 2) / 100
    assert (found["steps"], found["agreement"]) == (10, 0.8)
    assert found["kappa"] == pytest.approx((0.8 - chance) / (1 - chance), abs=1e-4)
    assert found["classes"][HAPPY] == {"human": 4, "machine": 6, "precision": 0.6667, "recall": 1.0, "f1": 0.8}
    assert found["classes"][ANGRY] == {"human": 4, "machine": 2, "precision": 1.0, "recall": 0.5, "f1": 0.6667}
    assert found["classes"]["Sadly Fearful"] == {
        "human": 0, "machine": 0, "precision": None, "recall": None, "f1": None,
    }  # fmt: skip
    assert found["where_both_name_one"] == {"steps": 8, "agreement": 0.75, "kappa": 0.5}
    counts = np.array(found["confusion"]["counts"])
    assert counts[COMPOUND.index(ANGRY), COMPOUND.index(HAPPY)] == 2, "rows are the human"
    assert counts.sum() == 10
    told = capsys.readouterr().out
    assert "80.0 % of 10 steps agree, kappa 0.69" in told
    assert "Sadly Angry" in told
    picture = cv2.imread(str(tmp_path / "score" / "confusion.png"))
    assert picture.shape == (1200, 1600, 3)
    assert 0.01 < (picture.min(2) < 200).mean() < 0.5


def test_one_class_alone_has_no_kappa(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = results(tmp_path / "results", saying([None] * 4))
    human = table(tmp_path / "human.csv", ("compound", 0, 0.1, HAPPY))
    assert run(score, folder / "decisions.jsonl", "--against", human) == 0
    assert "100.0 % of 4 steps agree, kappa –" in capsys.readouterr().out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["human.csv", "results"], "nothing is written unasked"


def test_a_spreadsheet_may_have_saved_the_table_in_its_own_way(tmp_path: Path) -> None:
    path = tmp_path / "human.csv"
    path.write_bytes(
        "\ufefftier;note;start_s;end_s;value\r\ncoder;ä;0,25;1,5;happily_surprised\r\n"
        "coder;;2;2,5; Sadly  ANGRY \r\n".encode()
    )
    assert read_corrections(path, (0, 3000), "coder") == [Mark(250, 1500, HAPPY), Mark(2000, 2500, ANGRY)]


def test_corrections_that_elan_saved_are_read(tmp_path: Path) -> None:
    """A tier that refers to another has its times; a mark without times is left out; other attributes do no harm."""
    path = tmp_path / "coded.eaf"
    path.write_text(
        '<?xml version="1.0"?><ANNOTATION_DOCUMENT VERSION="3.0"><TIME_ORDER><TIME_SLOT TIME_SLOT_ID="a"'
        ' TIME_VALUE="200"/><TIME_SLOT TIME_SLOT_ID="b" TIME_VALUE="900"/><TIME_SLOT TIME_SLOT_ID="c"/></TIME_ORDER>'
        '<TIER TIER_ID="coder A"><ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="n1" TIME_SLOT_REF1="a"'
        ' TIME_SLOT_REF2="b" CVE_REF="x"><ANNOTATION_VALUE>Sadly Angry</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION>'
        '</ANNOTATION><ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="n3" TIME_SLOT_REF1="b" TIME_SLOT_REF2="c">'
        "<ANNOTATION_VALUE>?</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION></TIER>"
        '<TIER TIER_ID="coder B"><ANNOTATION><REF_ANNOTATION ANNOTATION_ID="n2" ANNOTATION_REF="n1">'
        "<ANNOTATION_VALUE>Happily Surprised</ANNOTATION_VALUE></REF_ANNOTATION></ANNOTATION></TIER>"
        "</ANNOTATION_DOCUMENT>",
        encoding="utf-8",
    )
    with pytest.raises(KeyError):
        pympi.Eaf(str(path))  # why it is not read through pympi
    assert read_corrections(path, (0, 1000), "coder A") == [Mark(200, 900, ANGRY)]
    assert read_corrections(path, (0, 1000), "coder B") == [Mark(200, 900, HAPPY)]


def test_a_document_corrected_with_pympi_is_read(tmp_path: Path) -> None:
    folder = results(tmp_path, saying([HAPPY] * 10))
    run(export, folder, "--format", "eaf")
    eaf = pympi.Eaf(str(tmp_path / FILES["eaf"]))
    eaf.remove_annotation("compound", 100)
    eaf.add_annotation("compound", 400, 1200, ANGRY)
    eaf.to_file(str(tmp_path / "corrected.eaf"))
    assert read_corrections(tmp_path / "corrected.eaf", (0, 2000)) == [Mark(400, 1200, ANGRY)]


def document(inside: str) -> str:
    return f"<ANNOTATION_DOCUMENT>{inside}</ANNOTATION_DOCUMENT>"


CIRCLE = "".join(
    f'<ANNOTATION><REF_ANNOTATION ANNOTATION_ID="{a}" ANNOTATION_REF="{b}"/></ANNOTATION>' for a, b in ("xy", "yx")
)
HEAD = "tier,start_s,end_s,value\n"

WRONG = {
    "torn.eaf": ("<ANNOTATION_DOCUMENT><TIER", "torn or no ELAN document"),
    "binary.eaf": ("\x00\x01", "torn or no ELAN document"),
    "page.eaf": ("<html/>", "no ELAN document but html"),
    "slots.eaf": (
        document(
            '<TIER TIER_ID="compound"><ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a" TIME_SLOT_REF1="ts9"'
            ' TIME_SLOT_REF2="ts9"/></ANNOTATION></TIER>'
        ),
        "torn or no ELAN document",
    ),
    "circle.eaf": (document(f'<TIER TIER_ID="compound">{CIRCLE}</TIER>'), "in a circle"),
    "other.eaf": (document('<TIER TIER_ID="coder A"/><TIER TIER_ID="b"/>'), r"no tier 'compound'.*\(b, coder A\)"),
    "none.eaf": (document(""), r"no tier 'compound'.*\(none\)"),
    "names.csv": ("start,end,label\n0,1,x\n", "no column tier: its first line must name tier, start_s, end_s, value"),
    "empty.csv": ("", "no column tier"),
    "words.csv": (f"{HEAD}compound,soon,1,{HAPPY}\n", "line 2: start_s and end_s must be numbers"),
    "nan.csv": (f"{HEAD}compound,nan,1,{HAPPY}\n", "line 2: start_s"),
    "inf.csv": (f"{HEAD}compound,0,inf,{HAPPY}\n", "line 2: start_s"),
    "short.csv": (f"{HEAD}compound,0\n", "line 2: start_s"),
    "quote.csv": (f'{HEAD}compound,0,1,"{HAPPY}\n', "torn"),
    "label.csv": (f"{HEAD}compound,0,1,Bored\n", "0 to 1 s: 'Bored' is no compound expression; choose of Fearfully"),
    "blank.csv": (f"{HEAD}compound,0,1,\n", "the label is empty"),
    "back.csv": (f"{HEAD}compound,1,0.5,{HAPPY}\n", "ends before it starts"),
    "late.csv": (f"{HEAD}compound,1,9,{HAPPY}\n", r"outside the film \(0 to 2 s\)"),
    "early.csv": (f"{HEAD}compound,-1,1,{HAPPY}\n", "outside the film"),
    "over.csv": (f"{HEAD}compound,0,1,{HAPPY}\ncompound,0.5,1.5,{ANGRY}\n", "0 to 1 s and 0.5 to 1.5 s overlap"),
    "film.mp4": ("x", "neither .eaf nor .csv"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_corrections_are_told_in_one_line(name: str, tmp_path: Path) -> None:
    text, told = WRONG[name]
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    with pytest.raises(Refused, match=told) as refusal:
        read_corrections(path, (0, 2000))
    assert "\n" not in str(refusal.value)
    assert str(path) in str(refusal.value)


def test_letters_of_another_kind_and_missing_files_are_told(tmp_path: Path) -> None:
    (tmp_path / "latin.csv").write_bytes(b"tier,start_s,end_s,value\ncompound,0,1,\xe4\n")
    with pytest.raises(Refused, match="no UTF-8 text"):
        read_spans(tmp_path / "latin.csv")
    folder = results(tmp_path / "r", saying([HAPPY] * 3))
    with pytest.raises(Refused, match=r"gone.eaf does not exist"):
        run(score, folder, "--against", tmp_path / "gone.eaf")
    (tmp_path / "dir.eaf").mkdir()
    with pytest.raises(Refused, match=r"dir.eaf cannot be read"):
        run(score, folder, "--against", tmp_path / "dir.eaf")


def test_an_empty_tier_means_that_nothing_is_expressed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = results(tmp_path / "r", saying([HAPPY, None]))
    path = tmp_path / "empty.eaf"
    path.write_text(document('<TIER TIER_ID="compound"/>'), encoding="utf-8")
    assert read_elan(path) == {"compound": []}
    assert run(score, folder, "--against", path) == 0
    captured = capsys.readouterr()
    assert "nothing is expressed anywhere" in captured.err
    assert "50.0 % of 2 steps agree" in captured.out


def change(**values: Any) -> Callable[[str], str]:
    return lambda line: json.dumps(json.loads(line) | values)


def without(key: str) -> Callable[[str], str]:
    def cut(line: str) -> str:
        row = json.loads(line)
        del row[key]
        return json.dumps(row)

    return cut


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda line: line[:40], "line 2 is no decision of this version: analyse the film again"),
        (without("rule"), "line 2 is no decision of this version"),
        (change(t="soon"), "row 2 holds other values"),
        (change(t=-5.0), "row 2 goes back in time"),
        (change(label="Bored"), "row 2 names 'Bored', which is no expression of this version"),
        (change(contributions=3), "line 2 is no decision of this version"),
        (change(basic=dict.fromkeys(to_row(saying([None])[0])["basic"], "much")), "row 2 holds other values"),
    ],
    ids=["torn", "older", "words", "back", "label", "number", "vector"],
)
def test_rows_that_are_none_are_refused_with_their_line(spoil: Callable[[str], str], told: str, tmp_path: Path) -> None:
    lines = [to_json(row) for row in saying([HAPPY] * 3)]
    lines[1] = spoil(lines[1])
    (tmp_path / "decisions.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(Refused, match=told):
        run(export, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["decisions.jsonl"], "nothing is begun"


def test_folders_without_rows_are_refused(tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").write_bytes(b"jpg")
    with pytest.raises(Refused, match=r"holds no decisions.jsonl: give a session"):
        run(export, tmp_path)
    with pytest.raises(Refused, match="does not exist: give a session"):
        run(export, tmp_path / "gone")
    (tmp_path / "decisions.jsonl").touch()
    with pytest.raises(Refused, match="holds no decisions: analyse"):
        run(export, tmp_path)


def test_a_torn_last_line_costs_only_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = results(tmp_path, saying([HAPPY] * 5))
    path = folder / "decisions.jsonl"
    path.write_bytes(path.read_bytes()[:-30])
    assert run(export, folder, "--format", "csv") == 0
    assert capsys.readouterr().out.startswith("4 decisions of ")


def test_files_that_are_there_are_not_replaced_unasked(tmp_path: Path) -> None:
    folder = results(tmp_path / "r", saying([HAPPY] * 5))
    kept = folder / FILES["srt"]
    kept.write_text("mine", encoding="utf-8")
    with pytest.raises(Refused, match=r"subtitles.srt is there already: add --overwrite"):
        run(export, folder, "--format", "vtt,srt")
    assert kept.read_text(encoding="utf-8") == "mine"
    assert not (folder / FILES["vtt"]).exists()
    assert run(export, folder, "--format", "vtt,srt", "--overwrite") == 0
    assert HAPPY in kept.read_text(encoding="utf-8")
    kept.unlink()
    kept.mkdir()
    with pytest.raises(Refused, match="is no file and cannot be replaced"):
        run(export, folder, "--format", "srt", "--overwrite")
    with pytest.raises(Refused, match="is a file: give a folder"):
        run(export, folder, "--out", folder / "decisions.jsonl")


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder in which nobody may write")
def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    folder = results(tmp_path / "r", saying([HAPPY] * 5))
    with pytest.raises(Refused, match=r"cannot be written .*: give another --out"):
        run(export, folder, "--out", "/proc/self/there")


def test_what_the_folder_tells_is_used_and_its_lack_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = results(tmp_path / "r", saying([HAPPY] * 5))
    (folder / "summary.json").write_text('{"source": {"file": "talk.mp4"}}', encoding="utf-8")
    (folder / "overlay.mkv").touch()
    assert run(export, folder, "--format", "eaf") == 0
    assert "5 decisions of talk.mp4" in capsys.readouterr().out
    assert "overlay.mkv" in (folder / FILES["eaf"]).read_text(encoding="utf-8")
    (folder / "summary.json").write_text('{"torn', encoding="utf-8")
    assert run(export, folder, "--format", "csv") == 0
    assert "summary.json cannot be read" in capsys.readouterr().err
    (folder / "summary.json").write_text("[]", encoding="utf-8")
    assert run(export, folder, "--format", "vtt") == 0
    assert "is no summary.json of this program" in capsys.readouterr().err
