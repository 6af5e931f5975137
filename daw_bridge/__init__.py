"""The daemon: it turns OSC messages into musical sound, in three processes.

It knows nothing of how models are trained, and never imports torch.
"""

__version__ = "0.1.0"
