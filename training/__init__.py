"""Training of the checkpoints that the daemon loads, from corpus to export."""
