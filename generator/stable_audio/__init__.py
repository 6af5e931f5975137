"""Stable Audio Open Small, brought by its user: read, run and exported by modules of our own.

The package knows the published layout (`model_config.json` and weights, as `stable-audio-tools`
writes them) and the architecture behind it. `generator/loading.py` opens such a folder; what comes
out follows `generator.api.Generator` like every other model.

References:
    Novack et al. 2025, arXiv 2505.08175 (the one-step model). Evans et al. 2024, arXiv 2407.14358
    (the autoencoder and the conditions).
"""
