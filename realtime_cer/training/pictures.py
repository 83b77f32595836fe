"""Pictures of a report."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from realtime_cer.errors import Refused


def confusion_picture(report: Mapping[str, Any], path: Path) -> None:
    """Draw the confusion matrix of a report of ``scripts/evaluate``: rows are the truth, in per cent of each row."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    names, counts = report["classes"], np.array(report["confusion"], float)
    share = 100 * counts / np.maximum(counts.sum(1, keepdims=True), 1)
    figure, axes = plt.subplots(figsize=(6.4, 5.6), layout="constrained")
    axes.imshow(share, cmap="Blues", vmin=0, vmax=100)
    for row, column in np.ndindex(share.shape):
        shade = "white" if share[row, column] > 55 else "black"
        axes.text(column, row, f"{share[row, column]:.0f}", ha="center", va="center", color=shade)
    axes.set_xticks(range(len(names)), names, rotation=40, ha="right")
    axes.set_yticks(range(len(names)), [f"{name} ({int(n)})" for name, n in zip(names, counts.sum(1), strict=True)])
    axes.set_xlabel("taken for")
    title = f"{report['corpus']}, {report['part']}: accuracy {report['accuracy']:.1%}, mean recall {report['uar']:.1%}"
    axes.set_title(title, fontsize=10)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=110)
    except (OSError, ValueError) as error:
        raise Refused(f"cannot write {path}: {error}") from None
    finally:
        plt.close(figure)
