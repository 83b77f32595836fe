"""The page of settings tells of every setting what the program does."""

import re
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from realtime_cer.config import Config

PAGE = Path(__file__).parents[1] / "docs" / "settings.md"
PART = re.compile(r"(?<=<!-- settings -->\n).*(?=<!-- end of settings -->)", re.DOTALL)


def words(annotation: Any) -> list[str]:
    """What may be chosen."""
    if get_origin(annotation) is Literal:
        return [f"`{one}`" for one in get_args(annotation)]
    if inner := get_args(annotation):
        return [word for one in inner for word in words(one)]
    return {bool: ["yes or no"], type(None): []}.get(annotation, [])


def limits(field: FieldInfo) -> str:
    """What values there are."""
    if choices := words(field.annotation):
        return ", ".join(choices)
    least, most = "", ""
    for one in field.metadata:
        least = f"from {one.ge:g}" if hasattr(one, "ge") else f"above {one.gt:g}" if hasattr(one, "gt") else least
        most = f"to {one.le:g}" if hasattr(one, "le") else f"below {one.lt:g}" if hasattr(one, "lt") else most
    return " ".join(filter(None, (least, most)))


def default(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:g}" if isinstance(value, float) else str(value).lower() if isinstance(value, bool) else str(value)


def lines(model: type[BaseModel], section: str = "") -> list[str]:
    rows, below = [], []
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            below += lines(field.annotation, f"{name}.")
        else:
            rows.append(f"| `{section}{name}` | {default(field.default)} | {limits(field)} | {field.description} |")
    return rows + below


def test_the_page_has_every_setting(request: pytest.FixtureRequest) -> None:
    table = ["| setting | default | values | what it is |", "|---|---|---|---|", *lines(Config)]
    assert not [line for line in table if "| None |" in line], "a setting without a word"
    page = PAGE.read_text(encoding="utf-8")
    wanted = PART.sub(lambda _: "\n".join(table) + "\n", page)
    if request.config.getoption("--update-golden"):
        PAGE.write_text(wanted, encoding="utf-8")
    assert wanted == PAGE.read_text(encoding="utf-8"), "pytest --update-golden writes it anew"


def test_its_example_is_accepted(tmp_path: Path) -> None:
    from realtime_cer.config import read_config

    [example] = re.findall(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    own = tmp_path / "own.toml"
    own.write_text(example, encoding="utf-8")
    config = read_config(own)
    assert (config.ladder, config.sound_offset_ms, config.face.target) == (False, 40, "centre")
    assert (config.kiosk.restart_at, config.kiosk.record) == ("04:30", True)
