"""Late fusion of the models' probabilities: equations 1 to 3 of the method, and what happens when a model is missing.

Pure functions on arrays; no threads, no clock.
"""

import functools
import json
import tomllib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from realtime_cer.labels import BASIC, MODELS

Array = npt.NDArray[np.float64]

# Rows Neutral, Anger, Disgust, Fear, Happiness, Sadness, Surprise; columns static, dynamic, acoustic.
# The Disgust row of avcer-7cl sums to 1.0536 in the publication too.
_PUBLISHED: dict[str, tuple[list[list[float]], list[float]]] = {
    "avcer-video": (
        [
            [0.42633145, 0.57366855],
            [0.57803352, 0.42196648],
            [0.01878466, 0.98121534],
            [0.86451425, 0.13548575],
            [0.16464752, 0.83535248],
            [0.03786653, 0.96213347],
            [0.81048546, 0.18951454],
        ],
        [0.365, 0.23],
    ),
    "avcer-7cl": (
        [
            [0.85806901, 0.11491265, 0.02701833],
            [0.2579578, 0.46222294, 0.27981925],
            [0.2579578, 0.62411413, 0.17148297],
            [0.72010502, 0.16716238, 0.1127326],
            [0.62082661, 0.31962795, 0.05954545],
            [0.06281922, 0.16603196, 0.77114883],
            [0.70875895, 0.24433032, 0.04691073],
        ],
        [0.06, 0.21, 0.01],
    ),
    "avcer-8cl": (
        [
            [0.89900098, 0.01223291, 0.08876611],
            [0.10362151, 0.21364307, 0.68273542],
            [0.08577635, 0.66688002, 0.24734363],
            [0.04428126, 0.93791526, 0.01780348],
            [0.89679865, 0.0398964, 0.06330495],
            [0.02656456, 0.48670648, 0.48672896],
            [0.63040305, 0.22089692, 0.14870002],
        ],
        [0.16, 0.36, 0.01],
    ),
}


@dataclass(frozen=True, slots=True, eq=False)
class FusionWeights:
    """Which model is trusted for which emotion.

    Attributes
    ----------
    classes : (M, 7) W of equations 1 and 2; each column sums to 1
    models : (M,) v of equation 3, one scalar a model, or None for the fusion by ``classes`` alone
    name : how rows and windows call these weights
    """

    classes: Array
    models: Array | None = None
    name: str = "custom"

    def __post_init__(self) -> None:
        classes = np.array(self.classes, np.float64)
        if classes.ndim != 2 or classes.shape[1] != len(BASIC) or not 1 <= len(classes) <= len(MODELS):
            raise ValueError(f"classes must be (models, {len(BASIC)}), not {classes.shape}")
        if not np.isfinite(classes).all() or (classes < 0).any():
            raise ValueError("classes must be finite and not negative")
        if (classes.sum(axis=0) <= 0).any():
            raise ValueError("classes: an emotion has no weight in any model")
        classes.flags.writeable = False
        object.__setattr__(self, "classes", classes)
        if self.models is not None:
            models = np.array(self.models, np.float64)
            if models.shape != (len(classes),):
                raise ValueError(f"models must be ({len(classes)},), not {models.shape}")
            if not np.isfinite(models).all() or (models < 0).any() or models.sum() <= 0:
                raise ValueError("models must be finite, not negative, and not all zero")
            models.flags.writeable = False
            object.__setattr__(self, "models", models)

    @property
    def total(self) -> Array:
        """The factor of each (model, class) probability, v W: (M, 7)."""
        return self.classes if self.models is None else self.models[:, None] * self.classes

    @classmethod
    def equal(cls) -> "FusionWeights":
        """A third for each model and class: what is used before weights are fitted."""
        return cls(np.full((len(MODELS), len(BASIC)), 1 / len(MODELS)), None, "equal")

    @classmethod
    def published(cls, name: str) -> "FusionWeights":
        """The authors' weights with their v: ``avcer-video`` (2 models), ``avcer-7cl``, ``avcer-8cl`` (3).

        ``avcer-8cl`` is used by the authors without its v; ``without_models`` gives that.

        Raises
        ------
        ValueError
            No such name.
        """
        if name not in _PUBLISHED:
            raise ValueError(f"no published weights {name!r}; there are {', '.join(_PUBLISHED)}")
        classes, models = _PUBLISHED[name]
        return cls(np.array(classes).T, np.array(models), name)

    @property
    def oddity(self) -> str | None:
        """What a user should know of these weights: the class whose column does not sum to 1, or None."""
        sums = self.classes.sum(axis=0)
        worst = int(abs(sums - 1).argmax())
        if abs(sums[worst] - 1) < 1e-3:
            return None
        return f"weights {self.name}: the column of {BASIC[worst]} sums to {sums[worst]:.4f}, not 1; used as it is"

    def without_models(self) -> "FusionWeights":
        """The same weights without v."""
        return FusionWeights(self.classes, None, self.name)


def present_weights(weights: FusionWeights, present: npt.ArrayLike | None = None) -> Array:
    """Factors (..., M, 7) of each probability, renormalised over the models that are present.

    All present: v W exactly as given, whatever it sums to. Otherwise W of the present models is renormalised to sum to
    1 in each class (evenly where none of them has a weight), and v of the present models to sum to 1.
    """
    if present is None:
        return weights.total
    here: npt.NDArray[np.bool_] = np.array(present, bool)
    if here.shape[-1:] != weights.classes.shape[:1]:
        raise ValueError(f"present must be (..., {len(weights.classes)}), not {here.shape}")
    return _of_one(weights, tuple(here.tolist())) if here.ndim == 1 else _factors(weights, here)


@functools.lru_cache(maxsize=64)
def _of_one(weights: FusionWeights, here: tuple[bool, ...]) -> Array:
    """Factors of one row: of 2 to the power of M that there are, in an hour of rows as live."""
    factors = _factors(weights, np.array(here))
    factors.flags.writeable = False
    return factors


def _factors(weights: FusionWeights, here: npt.NDArray[np.bool_]) -> Array:
    mask: npt.NDArray[np.bool_] = np.expand_dims(here, -1)
    factors = _normalised(weights.classes, mask, axis=-2)
    if weights.models is not None:
        factors = factors * _normalised(weights.models, here, axis=-1)[..., None]
    everyone = mask.all(axis=-2, keepdims=True)
    return np.asarray(np.where(everyone, weights.total, factors))


def _normalised(weights: Array, mask: npt.NDArray[np.bool_], axis: int) -> Array:
    """Weights where the mask is set, scaled to sum to 1 along the axis; zeros where nothing is set."""
    kept = weights * mask
    kept = np.where(kept.sum(axis=axis, keepdims=True) > 0, kept, mask.astype(np.float64))
    total = kept.sum(axis=axis, keepdims=True)
    return np.asarray(kept / np.where(total > 0, total, 1.0))


def fuse(scores: npt.ArrayLike, weights: FusionWeights, present: npt.ArrayLike | None = None) -> tuple[Array, Array]:
    """Fuse the models' probabilities: ``fused = sum_m v[m] P[m] W[m]`` (equations 1 to 3).

    Parameters
    ----------
    scores : (..., M, 7) probabilities; rows of missing models are ignored, NaN included
    weights : of as many models
    present : (..., M) bool, or None where all are

    Returns
    -------
    fused : (..., 7); zeros where no model is present
    contributions : (..., M, 7), which sum to ``fused`` over the models

    Raises
    ------
    ValueError
        Shapes that do not fit.
    """
    p = np.asarray(scores, np.float64)
    if p.shape[-2:] != weights.classes.shape:
        raise ValueError(f"scores must be (..., {len(weights.classes)}, {len(BASIC)}), not {p.shape}")
    factors = present_weights(weights, present)
    if present is not None:
        p = np.where(np.asarray(present, bool)[..., None], p, 0.0)
    contributions = p * factors
    return contributions.sum(axis=-2), contributions


def read_weights(path: Path) -> FusionWeights:
    """Read a weights file (TOML).

    ``[classes]`` holds one list of seven numbers, in the order of ``labels.BASIC``, for static, dynamic and acoustic,
    or for the first two alone; ``[models]``, where there is one, a number for each of them; ``name`` is optional.
    Every class column must sum to 1 within 0.1 (published sets do not always sum exactly).

    Raises
    ------
    ValueError
        One line that names the file and what is wrong with it.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"weights file {path} cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ValueError(f"weights file {path} is not TOML: {error}") from None
    unknown = sorted(set(table) - {"name", "classes", "models", "scores", "notes"})
    if unknown:
        raise ValueError(f"weights file {path}: unknown key {unknown[0]!r}; known are name, classes, models")
    try:
        names = MODELS if MODELS[-1] in table["classes"] else MODELS[:-1]
        surplus = sorted(set(table["classes"]) - set(MODELS))
        if surplus:
            raise ValueError(f"[classes] holds {surplus[0]!r}; there are {', '.join(MODELS)}")
        if set(table.get("models", names)) != set(names):
            raise ValueError("[models] must name the same models as [classes]")
        classes = np.array([table["classes"][model] for model in names], np.float64)
        models = np.array([table["models"][model] for model in names], np.float64) if "models" in table else None
        weights = FusionWeights(classes, models, str(table.get("name", path.stem)))
    except KeyError as error:
        raise ValueError(f"weights file {path} lacks {error}; it needs [classes] with {', '.join(MODELS)}") from None
    except (TypeError, ValueError) as error:
        raise ValueError(f"weights file {path}: {error}") from None
    sums = weights.classes.sum(axis=0)
    if (abs(sums - 1) > 0.1).any():
        worst = int(abs(sums - 1).argmax())
        raise ValueError(f"weights file {path}: the column of {BASIC[worst]} sums to {sums[worst]:.3f}, not 1")
    return weights


def weights_toml(weights: FusionWeights) -> str:
    """The text of a weights file; ``read_weights`` reads it back exactly."""
    lines = [f"name = {json.dumps(weights.name, ensure_ascii=False)}", "", f"# {', '.join(BASIC)}", "[classes]"]
    for model, row in zip(MODELS, weights.classes, strict=False):
        lines.append(f"{model} = [{', '.join(repr(float(x)) for x in row)}]")
    if weights.models is not None:
        lines += ["", "[models]"]
        lines += [f"{model} = {float(x)!r}" for model, x in zip(MODELS, weights.models, strict=False)]
    return "\n".join(lines) + "\n"
