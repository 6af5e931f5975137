"""Turn words into 44.1 kHz stereo audio.

The package knows checkpoints, text, latents and waveforms. It does not know OSC, devices, sessions
or training. The face of the package is `generator.api`; `generator.loading` turns a name into
something that follows it.
"""
