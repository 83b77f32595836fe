"""Memory that was freed is given back."""

import subprocess
import sys

import pytest

FREEING = """
import numpy as np, psutil
from realtime_cer.inference import memory

def resident():
    return psutil.Process().memory_info().rss / 2**20

def kept():
    small, large = [], []
    before = resident()
    for _ in range(64):
        large.append(np.ones(2**21, np.uint8))
        small.append(bytes(50_000))
    large.clear()
    return resident() - before

for _ in range(3):  # the C library raises its own threshold when large blocks are freed
    np.ones(2**22, np.uint8)
memory.apart()
print(kept())
"""


THREADS = """
import threading
import psutil
from realtime_cer.inference import memory

def resident():
    return psutil.Process().memory_info().rss / 2**20

def hold():
    pieces, between = [], []
    for _ in range(80):
        pieces.append(bytearray(200_000))
        between.append(bytearray(2000))
    pieces.clear()
    kept.append(between)
    together.wait()  # each has an arena of its own, if it may

for _ in range(3):
    bytearray(2**22)
{apart}
kept, together = [], threading.Barrier(8)
before = resident()
threads = [threading.Thread(target=hold) for _ in range(8)]
for one in threads: one.start()
for one in threads: one.join()
print(resident() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the C library of other systems is another")
def test_what_is_large_goes_back_at_once_when_kept_apart() -> None:
    done = subprocess.run([sys.executable, "-c", FREEING], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 40, "MiB kept of 128 that were freed; glibc alone keeps all"


@pytest.mark.skipif(sys.platform != "linux", reason="the C library of other systems is another")
def test_what_threads_let_go_of_goes_back_too() -> None:
    def kept(apart: str) -> float:
        code = THREADS.format(apart=apart)
        return float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)

    assert kept("memory.apart()") < 40 < kept(""), "MiB kept of 122 that were freed"
