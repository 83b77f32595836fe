"""Every language says everything, with the same places to fill in."""

from dataclasses import fields, is_dataclass
from string import Formatter
from typing import Any

import pytest

from realtime_cer.errors import Refused
from realtime_cer.labels import BASIC, COMPOUND, MODELS
from realtime_cer.pipeline.ladder import NAMES
from realtime_cer.rules import REASONS
from realtime_cer.ui.keys import BINDINGS
from realtime_cer.ui.text import CATALOGUES, ENGLISH, GERMAN, Text, text_of


def places(words: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(words) if name is not None}


def compare(mine: Any, theirs: Any, name: str) -> None:
    """Hold one text, or a group of texts, against the English one."""
    if isinstance(mine, str):
        assert mine, name
        assert places(mine) == places(theirs), name
    elif isinstance(mine, tuple):
        assert len(mine) == len(theirs) == len({*mine}), name
        assert all(mine), name
    elif is_dataclass(mine):
        for field in fields(mine):
            compare(getattr(mine, field.name), getattr(theirs, field.name), f"{name}.{field.name}")
    else:
        assert list(mine) == list(theirs), name
        assert all(mine.values()), name


@pytest.mark.parametrize("text", CATALOGUES.values(), ids=CATALOGUES)
def test_every_language_is_complete(text: Text) -> None:
    assert (len(text.basic), len(text.basic_short), len(text.compound)) == (len(BASIC), len(BASIC), len(COMPOUND))
    compare(text, ENGLISH, "text")


def test_everything_that_rows_and_meters_name_has_words() -> None:
    assert set(ENGLISH.reasons) == set(REASONS)
    assert set(ENGLISH.models) == set(MODELS)
    assert set(ENGLISH.rungs) == {*NAMES, "picture only", "sound only"}
    assert set(ENGLISH.keys) == {one.action for one in BINDINGS}
    assert ENGLISH.compound == COMPOUND


def test_german_is_not_english() -> None:
    same = {f.name for f in fields(Text) if getattr(ENGLISH, f.name) == getattr(GERMAN, f.name)}
    assert same <= {"stage"}


def test_the_language_is_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", "de_AT.UTF-8")
    assert text_of() is GERMAN
    monkeypatch.setenv("LC_ALL", "C")
    assert text_of() is ENGLISH
    assert text_of("de") is GERMAN
    with pytest.raises(Refused, match="no language 'xx'; there are en, de"):
        text_of("xx")
