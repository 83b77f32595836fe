"""Whether this machine has a GPU."""

import pytest

from realtime_cer.errors import Refused
from realtime_cer.inference import cuda


def has_gpu() -> bool:
    try:
        cuda.gpu()
    except Refused:
        return False
    return True


without_gpu = pytest.mark.skipif(has_gpu(), reason="a GPU is there")
