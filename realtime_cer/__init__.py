"""Compound expressions of a person, live from a webcam and a microphone."""

import logging

__version__ = "0.1.0"

# What is logged goes where a program that uses this sends it (a kiosk: into live.log), and not onto the terminal.
logging.getLogger(__name__).addHandler(logging.NullHandler())
