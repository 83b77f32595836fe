"""Built engines are kept whole or not at all; whatever does not fit its own first line is as good as absent."""

import json
import resource
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import pytest

from realtime_cer.errors import Refused
from realtime_cer.inference import cache

KEY = cache.Key("static", "a" * 64, "tensorrt-rtx", "1.7", "GeForce RTX 3060", "8.6", "13.0", "fp16")
PLAN = bytes(range(256)) * 40


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache."""
    monkeypatch.setenv("REALTIME_CER_CACHE", str(tmp_path))
    return tmp_path / "engines"


def test_what_is_kept_is_found() -> None:
    assert cache.find(KEY) is None
    path = cache.keep(KEY, PLAN, build_s=1.5)
    assert cache.find(KEY) == PLAN
    [entry] = cache.entries()
    assert (entry.path, entry.key, entry.facts) == (path, KEY, {"build_s": 1.5})
    assert entry.size == path.stat().st_size
    cache.keep(KEY, b"newer")
    assert cache.find(KEY) == b"newer"
    assert len(list(cache.entries())) == 1


@pytest.mark.parametrize("name", [field.name for field in fields(cache.Key)])
def test_another_value_of_anything_in_the_key_is_another_engine(name: str) -> None:
    cache.keep(KEY, PLAN)
    assert cache.find(replace(KEY, **{name: "other"})) is None


def test_an_engine_for_any_gpu_serves_those_of_its_capability() -> None:
    anywhere = replace(KEY, gpu=cache.ANY, driver=cache.ANY)
    cache.keep(anywhere, PLAN)
    assert cache.find(KEY) == PLAN
    assert cache.find(replace(KEY, capability="8.9")) is None
    cache.keep(KEY, b"made for this one")
    assert cache.find(KEY) == b"made for this one"
    assert cache.find(anywhere) == PLAN


def flip(content: bytes) -> bytes:
    return content[:-100] + bytes([content[-100] ^ 1]) + content[-99:]


def other_key(content: bytes) -> bytes:
    return content.replace(b'"fp16"', b'"fp32"')


def without_key(content: bytes) -> bytes:
    line, _, engine = content.partition(b"\n")
    table = json.loads(line)
    table["key"]["surplus"] = "x"
    return json.dumps(table).encode() + b"\n" + engine


@pytest.mark.parametrize(
    ("spoil", "shown"),
    [
        (lambda content: content[: len(content) // 2], False),
        (lambda content: content[:20], False),
        (lambda content: content + b"x", False),
        (lambda content: b"", False),
        (lambda content: b"\xff\xfe\n" + PLAN, False),
        (lambda content: b"[1, 2]\n" + PLAN, False),
        (lambda content: b'{"format": "something else", "length": 1}\n' + PLAN, False),
        (lambda content: content.replace(b"engine 1", b"engine 0"), False),
        (lambda content: content.replace(b'"length": ', b'"length": "x", "l": '), False),
        (lambda content: b"x" * 10_000, False),
        (without_key, False),
        (other_key, True),
        (flip, True),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_a_damaged_or_foreign_file_is_absent_and_is_replaced(spoil: Callable[[bytes], bytes], shown: bool) -> None:
    path = cache.keep(KEY, PLAN)
    spoilt = spoil(path.read_bytes())
    assert spoilt != path.read_bytes()
    path.write_bytes(spoilt)
    assert cache.find(KEY) is None
    # A list only looks at lengths and first lines; finding looks at every byte.
    assert [entry.key is not None for entry in cache.entries()] == [shown]
    cache.keep(KEY, PLAN)
    assert cache.find(KEY) == PLAN


def test_a_folder_that_cannot_be_made_is_refused_in_one_line(folder: Path) -> None:
    folder.write_text("a file lies here")
    with pytest.raises(Refused, match="REALTIME_CER_CACHE") as caught:
        cache.keep(KEY, PLAN)
    assert "\n" not in str(caught.value)
    assert cache.find(KEY) is None
    assert list(cache.entries()) == []


def test_where_there_is_no_room_nothing_half_is_left(folder: Path) -> None:
    cache.keep(KEY, b"older")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2048, before[1]))
    try:
        with pytest.raises(Refused, match="cannot be kept"):
            cache.keep(KEY, PLAN)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert cache.find(KEY) == b"older"
    assert len(list(folder.iterdir())) == 1


WRITER = """
import sys
from realtime_cer.inference import cache
key = cache.Key(*sys.argv[2:])
for n in range(200):
    cache.keep(key, sys.argv[1].encode() * (1000 + 37 * n))
"""


def test_two_processes_keep_the_same_engine_and_nobody_reads_half() -> None:
    values = [getattr(KEY, field.name) for field in fields(cache.Key)]
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, letter, *values]) for letter in "ab"]
    seen = set()
    while any(writer.poll() is None for writer in writers):
        engine = cache.find(KEY)
        if engine is not None:
            assert len(set(engine)) == 1
            seen.add(engine[:1])
    assert [writer.returncode for writer in writers] == [0, 0]
    assert seen <= {b"a", b"b"}
    assert cache.find(KEY) in (b"a" * (1000 + 37 * 199), b"b" * (1000 + 37 * 199))


def test_clear_removes_engines_and_what_was_broken_off_and_nothing_else(folder: Path) -> None:
    assert cache.clear() == 0
    cache.keep(KEY, PLAN)
    cache.keep(replace(KEY, network="dynamic"), PLAN)
    (folder / ".half.part").write_bytes(b"x")
    (folder / "README").write_bytes(b"mine")
    assert cache.clear() == 2
    assert [path.name for path in folder.iterdir()] == ["README"]
