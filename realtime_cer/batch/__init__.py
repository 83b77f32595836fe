"""Many files at once, on one machine or on a Ray cluster."""
