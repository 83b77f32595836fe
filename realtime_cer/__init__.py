"""Compound expressions of a person, live from a webcam and a microphone."""

__version__ = "0.1.0"
