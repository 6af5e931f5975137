"""The one table of the protocol: every address, its arguments, types, units, ranges and defaults.

The decoder, the validation, the feedback, OSCQuery and the page `docs/osc.md` are all made from
`COMMANDS`, so that they cannot disagree. To add an address, add a row to its table_*.py; a row
that is VALUE also needs a field of that name in `session_state.SlotState` or `SessionState`.

Flow: osc.py (bytes to messages) → addresses.py, by this table → session.py (commands to actions).
"""

from daw_bridge.table_clock import CLOCK
from daw_bridge.table_effects import EFFECTS, SENDS
from daw_bridge.table_input import INPUT
from daw_bridge.table_library import LIBRARY
from daw_bridge.table_master import MASTER
from daw_bridge.table_midi import MIDI
from daw_bridge.table_model import MODEL
from daw_bridge.table_replies import REPLIES
from daw_bridge.table_rows import Row
from daw_bridge.table_server import SERVER
from daw_bridge.table_slots import SLOT

SECTIONS: tuple[tuple[str, tuple[Row, ...]], ...] = (
    ("Server", SERVER),
    ("Tempo, transport and bars", CLOCK),
    ("Master and device", MASTER),
    ("Input", INPUT),
    ("Effects", EFFECTS),
    ("Slots, `{slot}` = 1, 2, 3 …", SLOT + SENDS),
    ("Presets, scenes and capture, `{scene}` = 1, 2 … 16", LIBRARY),
    ("Model", MODEL),
    ("MIDI", MIDI),
    ("Replies", REPLIES),
)
COMMANDS: tuple[Row, ...] = tuple(row for _, rows in SECTIONS for row in rows)
