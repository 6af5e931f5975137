"""Priority from the operating system: asked for where it is granted, told where it is not.

Knows nothing of audio. Linux only; elsewhere the audio server's own threads have what they need.
"""

import gc
import os
import sys

# The callback goes before the thread that answers messages, that one before files; all before
# everything ordinary.
CALLBACK_PRIORITY = 10
CONTROL_PRIORITY = 4
FILES_PRIORITY = 3
# How long a thread may keep Python's lock: its own five milliseconds are a whole block.
SWITCH_INTERVAL_S = 0.0005
_NICENESS = -11


def ask_for_real_time(priority: int) -> str:
    """Ask for real-time scheduling for the thread that calls this, not for what it starts.

    Args:
        priority: Above 0; the higher goes first.

    Returns:
        Empty if the thread has it, else why not.
    """
    if not hasattr(os, "sched_setscheduler"):
        return ""
    policy = os.sched_getscheduler(0) & ~os.SCHED_RESET_ON_FORK
    if policy in {os.SCHED_FIFO, os.SCHED_RR}:
        return ""  # the audio server has given it already
    try:
        policy = os.SCHED_FIFO | os.SCHED_RESET_ON_FORK
        os.sched_setscheduler(0, policy, os.sched_param(priority))
    except OSError as error:
        return (
            f"no real-time priority ({error.strerror}): sound may break up under load. "
            "Allow it with `ulimit -r 20`, or with an rtprio line in /etc/security/limits.d."
        )
    return ""


def leave_the_callback_alone() -> None:
    """Have nothing of Python's own in this process stand in an audio callback's way."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    gc.collect()
    gc.freeze()
    gc.disable()


def prefer_this_process() -> None:
    """Have this process's other threads run before most, where that is allowed.

    A thread of low priority that holds Python's lock would keep the callback waiting.
    """
    if not hasattr(os, "setpriority"):
        return
    try:
        os.setpriority(os.PRIO_PROCESS, 0, _NICENESS)
    except OSError:
        return  # told by the refusal of real-time priority, which comes from the same rule
