"""Sessions that were recorded: read, repaired, deleted, and recomputed."""
