"""Cameras that hang, lie, limp and change: each fault is told, survived and counted, over a real MJPEG stream."""

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from parts.broadcast import Broadcast
from parts.clips import number_of
from parts.mjpeg import MjpegServer, jpeg, numbered_jpegs
from parts.watching import Watching, readers

from realtime_cer.capture.camera import Camera, open_camera
from realtime_cer.capture.devices import DeviceInfo
from realtime_cer.capture.freshness import FROZEN_S, Freshness, fingerprint


@pytest.fixture(scope="module")
def pictures() -> list[bytes]:
    return numbered_jpegs(300)


@pytest.fixture
def server(pictures: list[bytes]) -> Iterator[MjpegServer]:
    with MjpegServer(pictures, fps=25) as server:
        yield server


@pytest.fixture
def watch() -> Iterator[Callable[[Camera], Watching]]:
    begun: list[Watching] = []

    def start(camera: Camera) -> Watching:
        begun.append(Watching(camera))
        begun[-1].until(lambda: len(begun[-1].frames) > 5 or camera.status.state != "live", 4)
        return begun[-1]

    yield start
    for each in begun:
        each.end()


def test_a_camera_that_repeats_itself_is_frozen(server: MjpegServer, watch: Callable[[Camera], Watching]) -> None:
    watching = watch(open_camera(server.url))
    server.repeat.set()
    watching.until(watching.is_in("stalled"), 5)
    assert "the picture is frozen" in watching.camera.status.detail
    time.sleep(0.1)
    shown = len(watching.frames)
    counted = watching.camera.counters.frozen
    watching.until(lambda: watching.camera.counters.frozen > counted + 5, 3)
    assert len(watching.frames) == shown  # what is frozen is nobody's picture
    watching.until(lambda: server.connections > 1, 8)  # opened anew, which some cameras need
    watching.until(watching.is_in("stalled"), 3)
    server.repeat.clear()
    watching.until(lambda: len(watching.frames) > shown + 3, 5)
    assert watching.camera.status.state == "live"


def living(fps: float, seconds: float, sensor_fps: float) -> Iterator[tuple[float, int]]:
    """A camera that repeats each picture of a slower sensor, jitter and all: times and fingerprints."""
    rng = np.random.default_rng(0)
    for k in range(int(seconds * fps)):
        yield (k + rng.uniform(-0.3, 0.3)) / fps, int(k / fps * sensor_fps)


@pytest.mark.parametrize(("fps", "sensor_fps"), [(30, 30), (30, 7.5), (60, 5), (1, 0.5), (2, 0.6)])
def test_a_living_camera_is_never_frozen(fps: float, sensor_fps: float) -> None:
    freshness = Freshness()
    assert all(freshness.see(mark, t) for t, mark in living(fps, 120, sensor_fps))


@pytest.mark.parametrize("ring", [1, 2, 4])
def test_a_hung_camera_is_frozen_soon_also_where_it_shows_its_buffers_in_turn(ring: int) -> None:
    freshness = Freshness()
    marks = itertools.chain(range(60), (59 - k % ring for k in range(250)))
    fresh = [freshness.see(mark, k / 25) for k, mark in enumerate(marks)]
    assert abs(sum(fresh) - 60 - FROZEN_S * 25) <= 3
    assert freshness.see(1000, 20.0)


def test_a_still_picture_is_opened_anew_ever_less_often() -> None:
    freshness = Freshness()
    reopened = []
    for k in range(25 * 200):
        freshness.see(7, k / 25)
        if freshness.reopen_due(k / 25):
            reopened.append(k / 25)
    assert np.diff(reopened) == pytest.approx([6, 12, 24, 30, 30, 30, 30, 30], abs=0.1)
    # It flickers now and then, as where the picture is encoded anew: still no storm.
    for k in range(25 * 200, 25 * 215):
        freshness.see(k // 100, k / 25)
        assert not freshness.reopen_due(k / 25)
    # It lived for long: a new freeze is looked into soon.
    for k in range(25 * 215, 25 * 250):
        freshness.see(k if k < 25 * 240 else -1, k / 25)
        if freshness.reopen_due(k / 25):
            assert k / 25 == pytest.approx(240 + FROZEN_S + 3, abs=0.2)
            break
    else:
        raise AssertionError("never opened anew")


def test_one_changed_block_makes_another_picture() -> None:
    picture = np.random.default_rng(0).integers(0, 255, (360, 640, 3), np.uint8)
    other = picture.copy()
    other[100:104, 200:204] += 1
    assert fingerprint(picture) == fingerprint(picture.copy())
    assert fingerprint(picture) != fingerprint(other)


def test_garbage_is_survived(server: MjpegServer, watch: Callable[[Camera], Watching]) -> None:
    watching = watch(open_camera(server.url))
    server.garbage.set()
    watching.until(watching.is_in("lost", "retrying"), 5)
    time.sleep(1.5)
    assert readers() <= 5
    server.garbage.clear()
    before = len(watching.frames)
    watching.until(lambda: len(watching.frames) > before + 10, 5)
    assert watching.camera.status.state == "live"
    assert watching.camera.counters.reopened >= 1


def test_half_pictures_are_left_out_and_counted(pictures: list[bytes], watch: Callable[[Camera], Watching]) -> None:
    some = [data[: len(data) // 2] if k % 3 == 2 else data for k, data in enumerate(pictures)]
    with MjpegServer(some, fps=25) as server:
        watching = watch(open_camera(server.url))
        watching.until(lambda: len(watching.frames) > 30, 5)
        assert watching.camera.counters.damaged >= 10
        assert watching.camera.counters.reopened == 0
        assert all(number_of(frame.picture) % 3 != 2 for frame in watching.frames[1:])  # before any whole one


def test_half_pictures_are_counted_also_where_no_whole_one_follows(
    pictures: list[bytes], server: MjpegServer, watch: Callable[[Camera], Watching]
) -> None:
    watching = watch(open_camera(server.url))
    server.switch([data[: len(data) // 2] for data in pictures], 25)
    server.mute.set()  # the next attempt is not answered
    watching.until(lambda: watching.camera.counters.damaged > 10, 5)
    watching.until(watching.is_in("retrying"), 2)
    assert watching.camera.status.detail.endswith("its pictures are damaged: trying again")


def test_the_first_whole_picture_of_a_stream_is_used(watch: Callable[[Camera], Watching]) -> None:
    """The next one is five seconds away."""
    with Broadcast(key_every=125) as server:
        begun = time.monotonic()
        camera = open_camera(server.url)
        assert time.monotonic() - begun < 2.5
        watching = watch(camera)
        watching.until(lambda: len(watching.frames) > 20, 3)
        frames = list(watching.frames)
        numbers = [number_of(frame.picture) for frame in frames]
        assert np.all(np.diff(numbers) > 0)
        late = [frame.t - server.sent[number] for frame, number in zip(frames, numbers, strict=True)]
        assert 0 < np.median(late) < 0.2
        assert watching.camera.counters.damaged == 0


@pytest.mark.parametrize(("codec", "headers"), [("libx264", False), ("libx264", True), ("libx265", False)])
def test_a_stream_that_is_joined_between_whole_pictures_waits_for_one_and_counts_no_damage(
    codec: str, headers: bool, watch: Callable[[Camera], Watching]
) -> None:
    with Broadcast(key_every=50, joined_at=20, codec=codec, headers=headers) as server:
        watching = watch(open_camera(server.url))
        watching.until(lambda: len(watching.frames) > 20, 3)
        assert 50 <= number_of(watching.frames[0].picture) < 70
        assert watching.camera.counters.damaged == 0


@pytest.mark.parametrize("headers", [False, True])
def test_a_stream_without_any_whole_picture_is_given_up_and_asked_by_one_attempt_at_a_time(
    headers: bool, watch: Callable[[Camera], Watching]
) -> None:
    with Broadcast(key_every=100_000, joined_at=20, headers=headers) as server:
        watching = watch(open_camera(server.url, wait=True, open_timeout_s=3.0))
        watching.until(lambda: watching.camera.status.detail.endswith("it sends no whole picture"), 6)
        watching.until(lambda: readers() == 1, 1)
        assert not watching.frames
        assert watching.camera.counters.damaged == 0


def test_one_picture_a_second_is_no_fault(server: MjpegServer, watch: Callable[[Camera], Watching]) -> None:
    watching = watch(open_camera(server.url))
    server.slow.set()
    time.sleep(3.2)
    assert watching.camera.counters.reopened == 0
    assert watching.camera.status.state == "live"


def test_another_size_and_rate_in_mid_stream(server: MjpegServer, watch: Callable[[Camera], Watching]) -> None:
    watching = watch(open_camera(server.url))
    server.switch(numbered_jpegs(40, 640, 360), 10)
    watching.until(lambda: watching.frames[-1].picture.shape == (360, 640, 3), 3)  # not squeezed into the first
    before = len(watching.frames)
    watching.until(lambda: len(watching.frames) > before + 8, 4)
    assert watching.camera.counters.reopened == 0


def test_a_dead_address_is_asked_again_beside_the_attempt_that_waits(
    server: MjpegServer, watch: Callable[[Camera], Watching]
) -> None:
    watching = watch(open_camera(server.url))
    server.mute.set()
    server.kill()
    server.start()
    watching.until(watching.is_in("retrying"), 4)
    watching.until(lambda: readers() >= 2, 5)
    assert readers() <= 5
    server.mute.clear()  # those who waited then wait for ever
    before = len(watching.frames)
    watching.until(lambda: len(watching.frames) > before + 3, 4.5)  # less than one attempt may take
    watching.until(lambda: len(watching.camera._readers) == 1, 1)
    assert watching.end() < 0.25


def test_what_is_learnt_of_a_camera_is_learnt_from_the_attempt_that_gave_its_picture(
    server: MjpegServer, watch: Callable[[Camera], Watching]
) -> None:
    server.mute.set()
    watching = watch(open_camera(server.url, wait=True))
    assert watching.camera._rival_s == 2.0
    watching.until(lambda: server.connections > 0, 2)
    time.sleep(0.2)
    server.mute.clear()  # the attempt that waits goes on waiting: its rival gives the first picture
    watching.until(lambda: len(watching.frames) > 3, 6)
    assert watching.camera._rival_s == 1.0  # it answered at once


def test_where_every_attempt_hangs_only_a_new_process_helps(
    server: MjpegServer, watch: Callable[[Camera], Watching], monkeypatch: pytest.MonkeyPatch
) -> None:
    from realtime_cer.capture import camera, reader

    monkeypatch.setattr(camera, "_HOPELESS_S", 1.0)
    gate = threading.Event()
    real = reader.pictures

    def hanging(*given: Any) -> Iterator[Any]:
        gate.wait(30)
        yield from real(*given)

    monkeypatch.setattr(reader, "pictures", hanging)
    watching = watch(open_camera(server.url, wait=True, open_timeout_s=0.5))
    watching.until(lambda: readers() == 5, 15)
    assert not watching.camera.status.hopeless
    watching.until(lambda: watching.camera.status.hopeless, 5)
    assert watching.camera.status.detail.endswith("it does not answer, and every attempt at it hangs")
    assert watching.camera.status.state == "absent"
    assert readers() == 5
    gate.set()  # it was not for good after all
    watching.until(lambda: len(watching.frames) > 3, 8)
    assert not watching.camera.status.hopeless


def test_a_camera_named_before_it_is_there(
    server: MjpegServer, watch: Callable[[Camera], Watching], monkeypatch: pytest.MonkeyPatch
) -> None:
    from realtime_cer.capture import naming

    found: list[DeviceInfo] = []
    monkeypatch.setattr(naming, "cameras", lambda: found)
    watching = watch(open_camera("Garden", wait=True))
    watching.until(watching.is_in("absent"), 3)
    assert "it is not there" in watching.camera.status.detail
    found.append(DeviceInfo("Garden camera", server.url))
    watching.until(lambda: len(watching.frames) > 3, 5)
    assert watching.camera.counters.reopened == 0


def test_another_camera_under_the_same_number_is_not_taken(
    server: MjpegServer, watch: Callable[[Camera], Watching], monkeypatch: pytest.MonkeyPatch
) -> None:
    from realtime_cer.capture import camera

    label = "Front"
    monkeypatch.setattr(camera, "camera_label", lambda device: label)
    watching = watch(open_camera(server.url))
    server.kill()
    watching.until(watching.is_in("lost", "retrying"), 4)
    label = "Back"
    server.start()
    watching.until(lambda: "another camera in its place, Back" in watching.camera.status.detail, 4)
    label = "Front"
    watching.until(watching.is_in("live"), 4)


def test_a_test_card_is_shown_and_then_told(watch: Callable[[Camera], Watching]) -> None:
    with MjpegServer([jpeg(np.full((240, 320, 3), 80, np.uint8))], fps=25) as server:
        watching = watch(open_camera(server.url))
        watching.until(watching.is_in("stalled"), 4)
        assert len(watching.frames) >= 20
