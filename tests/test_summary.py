"""The summary counts what was decided."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from test_tables import nothing, whole

from realtime_cer.labels import COMPOUND
from realtime_cer.sinks.summary import Tally, library_versions, write_summary


def test_counts_and_shares() -> None:
    tally = Tally()
    for decision in (whole(), whole(), whole(), nothing()):
        tally.add(decision)
    result = tally.result()
    assert (result["decisions"], result["decided"], result["abstained"], result["dropped"]) == (4, 3, 1, 3)
    assert result["labels"] == {name: 3 * (name == "Happily Surprised") for name in COMPOUND}
    assert (result["reasons"], result["reason_shares"]) == ({"no face": 1}, {"no face": 0.25})
    assert result["label_shares"]["Happily Surprised"] == result["face_share"] == 0.75
    assert result["model_present_shares"] == {"static": 0.75, "dynamic": 0.75, "acoustic": 0.0}
    assert result["model_mean_contributions"] == {"static": 0.6, "dynamic": 0.4, "acoustic": 0.0}


def test_mean_contributions_sum_to_one_when_a_model_comes_and_goes() -> None:
    tally = Tally()
    tally.add(whole())
    tally.add(replace(whole(), contributions={"acoustic": 1.0}))
    assert sum(tally.result()["model_mean_contributions"].values()) == pytest.approx(1)


def test_nothing_decided_divides_by_nothing() -> None:
    result = Tally().result()
    assert (result["decisions"], result["face_share"]) == (0, 0.0)
    assert json.dumps(result, allow_nan=False)


def test_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "summary.json"
    write_summary(path, {"a": 1})
    with pytest.raises(ValueError, match="JSON"):
        write_summary(path, {"a": float("nan")})
    assert json.loads(path.read_text(encoding="utf-8")) == {"a": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["summary.json"]


def test_a_name_that_is_no_text_is_read_back_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "summary.json"
    write_summary(path, {"rows": "kept\udcff", "who": "Jürgen"})
    assert json.loads(path.read_text(encoding="utf-8")) == {"rows": "kept\udcff", "who": "Jürgen"}
    assert [p.name for p in tmp_path.iterdir()] == ["summary.json"]


def test_versions_of_what_computes() -> None:
    assert {"python", "realtime-cer", "numpy", "onnxruntime", "mediapipe", "opencv-python"} <= library_versions().keys()
