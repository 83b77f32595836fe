"""Figures that tell how good predictions are. Pure: arrays in, numbers out.

``truth`` and ``guess`` are (N,) class indices, ``classes`` how many classes there are. A class that the truth
does not hold takes no part in a mean over classes.
"""

from realtime_cer.metrics.calibration import (
    BINS,
    Reliability,
    brier,
    calibration_error,
    calibration_interval,
    log_loss,
    reliability,
    without_temperature,
)
from realtime_cer.metrics.figures import accuracy, confusion, f1_scores, kappa, macro_f1, recalls, uar
from realtime_cer.metrics.resampling import Difference, Interval, bootstrap, differences, intervals, resampled

__all__ = [
    "BINS",
    "Difference",
    "Interval",
    "Reliability",
    "accuracy",
    "bootstrap",
    "brier",
    "calibration_error",
    "calibration_interval",
    "confusion",
    "differences",
    "f1_scores",
    "intervals",
    "kappa",
    "log_loss",
    "macro_f1",
    "recalls",
    "reliability",
    "resampled",
    "uar",
    "without_temperature",
]
