"""How loud takes are made: what goes round at one loudness, all else at its peak. Pure.

A loop sounds for minutes beside others, so what the ear compares counts; a hit is gone before that.
The daemon and the command line ask for takes by it, so a loop in a file is the one that plays.
"""

# Most loops have it without a peak turned down far.
ENDLESS_RMS_DBFS = -23.0


def wanted_rms_dbfs(*, loop: bool) -> float | None:
    """The root mean square to ask for; None leaves the level to the peak.

    >>> wanted_rms_dbfs(loop=True), wanted_rms_dbfs(loop=False)
    (-23.0, None)
    """
    return ENDLESS_RMS_DBFS if loop else None
