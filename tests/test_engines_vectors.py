"""Features that stay where they were computed: our own device of host memory stands where a GPU would.

The networks on it are the shipped ones on ONNX Runtime, which read their input from that memory and write to it.
"""

import gc
import math
from collections.abc import Iterable, Mapping

import numpy as np
import pytest

from realtime_cer.errors import EngineFault
from realtime_cer.inference.cuda import row_shape
from realtime_cer.inference.engine import Engine, load
from realtime_cer.inference.fallback import Fallback, Rung
from realtime_cer.inference.manifest import Manifest, Tensor, engines_folder, read_manifest
from realtime_cer.inference.ort import OrtEngine
from realtime_cer.inference.vectors import MOST, Answer, Batch, Calls, Kept, Shelf, as_array, chained
from realtime_cer.inference.verify import inputs
from realtime_cer.perception.dynamic import LENGTH, DynamicModel

ROW = 512 * 4


class Device:
    """Memory by addresses, as a GPU's is: copies on it, back from it, and no more once it is lost."""

    def __init__(self, manifest: Manifest | None = None, start: int = 4096) -> None:
        self.start, self.content, self.lost = start, bytearray(), False
        self.copies: list[tuple[int, int, int]] = []
        self.reads = 0
        self.tensors: dict[str, Tensor] = {}
        self.addresses: dict[str, int] = {}
        for tensor in (*manifest.inputs, *manifest.outputs) if manifest else ():
            self.tensors[tensor.name] = tensor
            size = MOST * math.prod(row_shape(tensor)) * np.dtype(tensor.dtype).itemsize
            self.addresses[tensor.name] = self.allocate(size)

    def allocate(self, size: int) -> int:
        """Append to the memory."""
        address = self.start + len(self.content)
        self.content += bytes(size)
        return address

    def piece(self, address: int, size: int) -> memoryview:
        """Some bytes, on whichever device they are."""
        if self.lost:
            raise RuntimeError("cudaErrorDevicesUnavailable")
        at = address - self.start
        assert 0 <= at <= at + size <= len(self.content)
        return memoryview(self.content)[at : at + size]

    def copy(self, target: int, source: int, size: int) -> None:
        """Copy at once; the source may lie in another part of the same device, which another network has."""
        self.copies.append((target, source, size))
        self.piece(target, size)[:] = parts[source >> 40].piece(source, size)

    def read(self, source: int, target: np.ndarray) -> None:
        """Copy back."""
        self.reads += 1
        target[...] = np.frombuffer(self.piece(source, target.nbytes), target.dtype).reshape(target.shape)

    def put(self, name: str, batch: np.ndarray) -> None:
        """Copy in."""
        rows = np.ascontiguousarray(batch, self.tensors[name].dtype)
        self.piece(self.addresses[name], rows.nbytes)[:] = rows.tobytes()

    def rows(self, name: str, rows: int) -> np.ndarray:
        """A tensor's first rows."""
        tensor = self.tensors[name]
        shape = (rows, *row_shape(tensor))
        size = math.prod(shape) * np.dtype(tensor.dtype).itemsize
        return np.frombuffer(self.piece(self.addresses[name], size), tensor.dtype).reshape(shape)

    def take(self, names: Iterable[str], rows: int) -> dict[str, np.ndarray]:
        """Copy back some outputs."""
        return {name: self.rows(name, rows).copy() for name in names}


parts: dict[int, Device] = {}
"""The device's parts by the upper half of their addresses."""


class OnDevice:
    """A shipped network whose tensors lie on a device."""

    backend = "cuda"

    def __init__(self, name: str) -> None:
        self.manifest = read_manifest(name)
        number = len(parts) + 1
        self.device = parts[number] = Device(self.manifest, number << 40)
        self._engine = cpu(name)
        self._calls = Calls(self.device, self.manifest)

    def run(self, batch: np.ndarray) -> Mapping[str, np.ndarray]:
        """All outputs, copied back."""
        return self._calls.run(batch, self._execute)

    def chain(self, batch: Batch) -> Answer:
        """Features stay."""
        return self._calls.chain(batch, self._execute)

    def _execute(self, rows: int) -> None:
        taken = self.device.rows(self.manifest.inputs[0].name, rows)
        for name, array in self._engine.run(taken).items():
            self.device.put(name, array)


def cpu(name: str) -> OrtEngine:
    manifest = read_manifest(name)
    return OrtEngine(engines_folder() / manifest.file, manifest)


def lose() -> None:
    for part in parts.values():
        part.lost = True


@pytest.fixture(autouse=True)
def fresh_device() -> None:
    parts.clear()


@pytest.fixture(scope="module")
def crops() -> np.ndarray:
    """Eight pictures."""
    return inputs(read_manifest("static"))


def shelf_of(device: Device, rows: int) -> tuple[Shelf, int]:
    """A shelf, and where a network would write four vectors: the n-th is full of n."""
    parts[device.start >> 40] = device
    source = device.allocate(4 * ROW)
    for n in range(4):
        device.piece(source + n * ROW, ROW)[:] = np.full(512, n, np.float32).tobytes()
    return Shelf(device, (512,), "float32", rows), source


# Vectors on a shelf


def test_a_vector_is_copied_back_only_when_somebody_asks() -> None:
    device = Device()
    shelf, source = shelf_of(device, 4)
    kept = shelf.keep(source, 4)
    assert kept is not None
    assert device.reads == 0
    np.testing.assert_array_equal(
        np.stack([np.asarray(v) for v in kept]), np.repeat(np.arange(4.0), 512).reshape(4, -1)
    )
    assert device.reads == 4
    assert np.asarray(kept[1], np.float64).dtype == np.float64


def test_a_row_is_filled_again_only_when_its_handle_is_gone() -> None:
    device = Device()
    shelf, source = shelf_of(device, 3)
    kept = shelf.keep(source, 3)
    assert kept is not None
    assert shelf.keep(source, 1) is None, "full"
    place = kept[1].address
    del kept[1]
    gc.collect()
    [again] = shelf.keep(source + 3 * ROW, 1) or []
    assert again.address == place
    assert [float(np.asarray(v)[0]) for v in (*kept, again)] == [0, 2, 3]


def test_vectors_outlive_the_engine_that_gave_them(crops: np.ndarray) -> None:
    engine = OnDevice("static")
    wanted = engine.run(crops[:1])["features"][0]
    [vector] = engine.chain(crops[:1])[1]
    parts.clear()
    del engine
    gc.collect()
    np.testing.assert_array_equal(np.asarray(vector), wanted)


# Two networks in a chain


@pytest.mark.parametrize("faces", [1, 3, MOST])
def test_the_chain_says_what_the_cpu_says_and_copies_no_features_back(crops: np.ndarray, faces: int) -> None:
    static, dynamic = OnDevice("static"), OnDevice("dynamic")
    here, there = DynamicModel(cpu("dynamic")), DynamicModel(dynamic)
    plain, ids = cpu("static"), list(range(faces))
    for step in range(12):
        batch = np.roll(crops, step, axis=0)[:faces]
        outputs, vectors = chained(static, batch)
        assert set(outputs) == {"probabilities"}
        assert all(isinstance(vector, Kept) for vector in vectors)
        wanted = here(step / 5, ids, list(plain.run(batch)["features"]))
        for scores, expected in zip(there(step / 5, ids, vectors), wanted, strict=True):
            np.testing.assert_array_equal(scores.probabilities, expected.probabilities)
    assert static.device.reads == dynamic.device.reads == 0
    assert sum(size for _, _, size in dynamic.device.copies) == 12 * faces * LENGTH * ROW


def test_neighbours_on_the_shelf_are_gathered_in_one_piece(crops: np.ndarray) -> None:
    static, dynamic = OnDevice("static"), OnDevice("dynamic")
    model = DynamicModel(dynamic)
    pieces = []
    for step in range(200):
        before = len(dynamic.device.copies)
        model(step / 5, [0], chained(static, crops[:1])[1])
        pieces.append(len(dynamic.device.copies) - before)
    assert max(pieces[LENGTH:]) == 2, "where the shelf's end and its beginning meet"
    assert sorted(pieces[LENGTH:])[95] == 1


def test_where_the_shelf_is_full_features_are_copied_back(crops: np.ndarray) -> None:
    static = OnDevice("static")
    hoard = []
    while isinstance((answer := chained(static, crops)[1])[0], Kept):
        hoard.append(answer)
        assert len(hoard) < 100
    np.testing.assert_array_equal(np.stack(answer), cpu("static").run(crops)["features"])
    assert len(hoard) * MOST >= MOST * (LENGTH + 1), "every face's window and the next vectors fit"


def test_plain_and_kept_vectors_may_share_a_window(crops: np.ndarray) -> None:
    """As after a climb: the first ones came from the CPU."""
    static, dynamic, plain = OnDevice("static"), OnDevice("dynamic"), cpu("static")
    model, wanted = DynamicModel(dynamic), DynamicModel(cpu("dynamic"))
    for step in range(15):
        engine: Engine = plain if step < 4 else static
        [scores] = model(step / 5, [7], chained(engine, crops[step % 8 : step % 8 + 1])[1])
        features = list(plain.run(crops[step % 8 : step % 8 + 1])["features"])
        [expected] = wanted(step / 5, [7], features)
        np.testing.assert_array_equal(scores.probabilities, expected.probabilities)


def test_static_on_the_device_and_dynamic_on_the_cpu(crops: np.ndarray) -> None:
    static, model, wanted = OnDevice("static"), DynamicModel(load("dynamic", "cpu")), DynamicModel(cpu("dynamic"))
    for step in range(3):
        [scores] = model(step / 5, [0], chained(static, crops[step : step + 1])[1])
        [expected] = wanted(step / 5, [0], list(static.run(crops[step : step + 1])["features"]))
        np.testing.assert_array_equal(scores.probabilities, expected.probabilities)
        assert scores.engine == "cpu"
    assert static.device.reads > 0


# Falling back in the middle of a window


def ladder(name: str, better: Engine, notices: list[str]) -> Fallback:
    engine = Fallback(cpu(name), [Rung("cuda", lambda going_on: better)], notices.append)
    engine.climb()
    return engine


def test_an_engine_that_fails_alone_leaves_its_window_to_the_cpu(crops: np.ndarray) -> None:
    """Out of memory, say: the device still gives the older vectors back."""
    notices: list[str] = []
    static, broken = OnDevice("static"), OnDevice("dynamic")
    model, wanted = DynamicModel(ladder("dynamic", broken, notices)), DynamicModel(cpu("dynamic"))
    for step in range(14):
        broken.device.lost = step >= 6
        batch = crops[step % 8 : step % 8 + 1]
        [scores] = model(step / 5, [3], chained(static, batch)[1])
        [expected] = wanted(step / 5, [3], list(static.run(batch)["features"]))
        np.testing.assert_array_equal(scores.probabilities, expected.probabilities)
        assert scores.engine == ("cuda" if step < 6 else "cpu")
    assert [line for line in notices if "failed" in line] == notices[1:2]


def test_on_a_lost_device_windows_begin_anew_with_the_newest_vector(crops: np.ndarray) -> None:
    notices: list[str] = []
    static = ladder("static", OnDevice("static"), notices)
    model = DynamicModel(ladder("dynamic", OnDevice("dynamic"), notices))
    for step in range(6):
        [scores] = model(step / 5, [3], chained(static, crops[step : step + 1])[1])
        assert scores.engine == "cuda"
    lose()
    wanted = DynamicModel(cpu("dynamic"))
    for step in range(6, 8):
        vectors = chained(static, crops[step : step + 1])[1]
        [scores] = model(step / 5, [3], vectors)
        [expected] = wanted(step / 5, [3], vectors)
        np.testing.assert_array_equal(scores.probabilities, expected.probabilities)
        assert (static.backend, scores.engine) == ("cpu", "cpu")
    assert len([line for line in notices if "cudaErrorDevicesUnavailable" in line]) == 2


def test_a_device_lost_between_the_networks_costs_one_decision(crops: np.ndarray) -> None:
    notices: list[str] = []
    static = ladder("static", OnDevice("static"), notices)
    model = DynamicModel(ladder("dynamic", OnDevice("dynamic"), notices))
    model(0.0, [3], chained(static, crops[:1])[1])
    vectors = chained(static, crops[1:2])[1]
    lose()
    with pytest.raises(EngineFault, match="features are lost with their device") as caught:
        model(0.2, [3], vectors)
    assert caught.value.network == "dynamic"
    [scores] = model(0.4, [3], chained(static, crops[2:3])[1])
    assert scores.engine == "cpu"
    assert np.isfinite(scores.probabilities).all()


def test_what_does_not_fit_is_a_wrong_call(crops: np.ndarray) -> None:
    engine = ladder("dynamic", OnDevice("dynamic"), [])
    with pytest.raises(Exception, match=r"dimension|features"):
        engine.run(np.zeros((1, 9, 512), np.float32))
    with pytest.raises(ValueError, match="1 to 8"):
        OnDevice("static").run(np.concatenate([crops, crops]))
    windows = [[np.zeros(512, np.float32)] * 10] * 2
    assert as_array(windows).shape == (2, 10, 512)
