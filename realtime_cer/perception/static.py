"""The static network: face crops in, probabilities and features out."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from realtime_cer.errors import Refused
from realtime_cer.inference.engine import Engine
from realtime_cer.inference.profile import Profile
from realtime_cer.inference.vectors import MOST, Vector, chained
from realtime_cer.perception.align import CROP_SIZE, align, cut_box
from realtime_cer.records import Face, Floats, Frame, Picture, Scores, read_only

Cut = Callable[[Picture, Floats], Picture]
"""(H, W, 3) BGR picture and (478, 2) landmarks to a (S, S, 3) RGB crop, all uint8 but the landmarks."""


def cut_of(profile: Profile, engine: Engine) -> Cut:
    """How the faces are cut for a profile's static network, in the size that the network takes.

    Raises
    ------
    Refused
        The network takes no crop of that kind.
    """
    tensor = engine.manifest.inputs[0]
    match profile.crop, tensor.dtype, tensor.shape:
        case "aligned", "uint8", (_, int(height), int(width), 3) if height == width == CROP_SIZE:
            return align
        case "box", "uint8", (_, int(height), int(width), 3) if height == width:
            return partial(cut_box, size=width)
    side = CROP_SIZE if profile.crop == "aligned" else "S"
    raise Refused(
        f"profile {profile.name!r}: network static takes {tensor.dtype} {list(tensor.shape)}, but crop {profile.crop!r}"
        f" gives uint8 {['batch', side, side, 3]}: take a network and a crop that belong together"
    )


class StaticModel:
    """Probabilities and a feature vector of every face in one frame.

    Attributes
    ----------
    cut : how a face is cut out of its picture
    """

    def __init__(self, engine: Engine, cut: Cut = align) -> None:
        self._engine = engine
        self.cut = cut

    def __call__(self, frame: Frame, faces: Sequence[Face]) -> list[tuple[Scores, Vector]]:
        """Scores of each face at the frame's time, and the (512,) vector that the dynamic network takes.

        At most eight faces, in one call of the engine; none for none.

        Raises
        ------
        EngineFault
            The network has no answer this time.
        """
        if not faces:
            return []
        if len(faces) > MOST:
            raise ValueError(f"{len(faces)} faces at once, where {MOST} are the most")
        crops = np.stack([self.cut(frame.picture, face.landmarks) for face in faces])
        outputs, vectors = chained(self._engine, crops)
        probabilities = read_only(np.asarray(outputs["probabilities"], np.float32))
        backend = self._engine.backend
        return [(Scores(frame.t, p, backend), v) for p, v in zip(probabilities, vectors, strict=True)]
