"""The table's rows of the effects, made from effects.py."""

from dataclasses import replace

from daw_bridge.arguments import Argument, Kind
from daw_bridge.effects import BUSES, SEND, key_of, parameters
from daw_bridge.table_rows import SLOT_PART, Access, Row

EFFECTS: tuple[Row, ...] = (
    Row(
        "/fx",
        Access.READ,
        "Whether there are effects here: ready, or /fail with what is missing. Where they are "
        "missing, every address below this one and every send answers with that /fail.",
        (Argument("effects", Kind.STRING, default="ready"),),
    ),
    *(
        Row(
            f"/fx/{key_of(effect, parameter)}",
            Access.VALUE,
            parameter.description,
            (parameter.argument,),
            shows=f"fx/{key_of(effect, parameter)}",
        )
        for effect, parameter in parameters()
    ),
)
SENDS: tuple[Row, ...] = tuple(
    Row(
        f"/slot/{SLOT_PART}/send/{bus}",
        Access.VALUE,
        f"How much of the slot, after its gain, goes to the {bus}; ramped. It is heard, on "
        f"pair 1, while the {bus} is not bypassed.",
        (replace(SEND, name=bus),),
        shows=f"send_{bus}_db",
    )
    for bus in BUSES
)
