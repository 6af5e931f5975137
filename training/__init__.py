"""Training of the checkpoints that the daemon loads: corpus, autoencoder, teacher, one-step, export."""
