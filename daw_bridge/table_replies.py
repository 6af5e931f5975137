"""The table's rows of answers: they stand above the root and name the address they are about."""

from daw_bridge.arguments import Argument, Kind
from daw_bridge.table_rows import ADDRESS, ID, REST, TEXT, Access, Row

REPLIES: tuple[Row, ...] = (
    Row(
        "/done",
        Access.REPLY,
        "What was asked has been done; some commands add results.",
        (ADDRESS, ID, REST),
        is_rooted=False,
    ),
    Row(
        "/fail",
        Access.REPLY,
        "What was asked has not been done, and nothing has changed.",
        (ADDRESS, ID, Argument("code", Kind.INT), TEXT),
        is_rooted=False,
    ),
    Row(
        "/progress",
        Access.REPLY,
        "How far a generation has come.",
        (ADDRESS, ID, Argument("fraction", Kind.FLOAT, low=0.0, high=1.0)),
        is_rooted=False,
    ),
    Row(
        "/late",
        Access.REPLY,
        "A bundle came after its time, and was obeyed at once.",
        (ADDRESS, Argument("late_ms", Kind.DOUBLE, "ms")),
        is_rooted=False,
    ),
    Row(
        "/synced",
        Access.REPLY,
        "The answer to /sync.",
        (Argument("number", Kind.INT),),
        is_rooted=False,
    ),
    Row(
        "/pong",
        Access.REPLY,
        "The answer to /ping, with the same arguments.",
        (REST,),
        is_rooted=False,
    ),
)
