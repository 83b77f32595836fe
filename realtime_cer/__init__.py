"""Compound expressions of a person, live from a webcam and a microphone."""

import logging
import os

__version__ = "0.1.0"

# Nothing leaves the machine: ONNX Runtime (from 1.29 on) reports its use, unless told before it is loaded; so does Ray.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"

# What is logged goes where a program that uses this sends it (a kiosk: into live.log), and not onto the terminal.
logging.getLogger(__name__).addHandler(logging.NullHandler())
