"""Laws of priorities: granted for one thread only, or refused with advice."""

import os
import subprocess
import sys

import pytest

PROGRAM = """
import os, threading
from daw_bridge.realtime import CONTROL_PRIORITY, ask_for_real_time, prefer_this_process
prefer_this_process()
refusal = ask_for_real_time(CONTROL_PRIORITY)
again = ask_for_real_time(CONTROL_PRIORITY)
policies = []
thread = threading.Thread(target=lambda: policies.append(os.sched_getscheduler(0)))
thread.start()
thread.join()
print(refusal == again, os.sched_getscheduler(0) & ~os.SCHED_RESET_ON_FORK, policies[0], refusal)
"""


@pytest.mark.skipif(not hasattr(os, "sched_setscheduler"), reason="Linux schedules like this")
def test_real_time_is_for_the_thread_that_asks() -> None:
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=True
    )
    same, own_policy, other_policy, *refusal = result.stdout.split()
    assert same == "True"
    assert int(other_policy) == os.SCHED_OTHER
    if refusal:
        assert int(own_policy) == os.SCHED_OTHER
        assert "limits.d" in " ".join(refusal)
    else:
        assert int(own_policy) == os.SCHED_FIFO
