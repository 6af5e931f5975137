"""The table's rows of the server: who is there, how it is doing, who is told, when it ends."""

from daw_bridge.arguments import Argument, Kind
from daw_bridge.requests import (
    ClearSchedule,
    Dump,
    GetStatus,
    GetVersion,
    Notify,
    Ping,
    Quit,
    Refresh,
    Sync,
)
from daw_bridge.table_rows import ADDRESS, ID, REST, TEXT, Access, Row

SERVER: tuple[Row, ...] = (
    Row(
        "/status",
        Access.ACTION,
        "How the daemon is doing.",
        make=GetStatus,
        reply="/status.reply below the root",
    ),
    Row(
        "/status.reply",
        Access.REPLY,
        "The answer to /status. rtf is seconds of computing for each second of sound.",
        (
            Argument("playing_slots", Kind.INT),
            Argument("cpu_pct", Kind.FLOAT, "%"),
            Argument("xruns", Kind.INT),
            Argument("buffer_ms", Kind.FLOAT, "ms"),
            Argument("output_latency_ms", Kind.FLOAT, "ms"),
            Argument("last_generate_ms", Kind.FLOAT, "ms"),
            Argument("rtf", Kind.FLOAT),
            Argument("model", Kind.STRING),
            Argument("device", Kind.STRING),
            Argument("sample_rate", Kind.INT, "Hz"),
            Argument("uptime_s", Kind.DOUBLE, "s"),
        ),
    ),
    Row(
        "/version",
        Access.ACTION,
        "Who answers here.",
        make=GetVersion,
        reply="/version.reply below the root",
    ),
    Row(
        "/version.reply",
        Access.REPLY,
        "The answer to /version. The number of the api grows when this page changes its meaning.",
        (
            Argument("name", Kind.STRING),
            Argument("version", Kind.STRING),
            Argument("api", Kind.STRING),
        ),
    ),
    Row(
        "/notify",
        Access.ACTION,
        "Send every change to the asking address (1), or no more (0); on another port if named, "
        "where answers come then as well. "
        "The lease is renewed by anything that the client sends.",
        (
            Argument("on", Kind.INT, low=0, high=1),
            Argument("port", Kind.INT, low=1, high=65_535, is_optional=True),
            Argument("rate_hz", Kind.FLOAT, "Hz", low=1.0, high=30.0, is_optional=True),
        ),
        Notify,
        reply="/done s:address i:client_id f:lease_s; after the address the id, if /req gave one",
    ),
    Row(
        "/refresh",
        Access.ACTION,
        "Every value below the prefix (a full address), each on its own address.",
        (Argument("prefix", Kind.STRING, is_optional=True),),
        Refresh,
        reply="/done",
    ),
    Row(
        "/sync",
        Access.ACTION,
        "Answered once everything that was asked before it has ended.",
        (Argument("number", Kind.INT),),
        Sync,
        reply="/synced",
    ),
    Row(
        "/clear_sched",
        Access.ACTION,
        "Forget the bundles that wait for their time.",
        make=ClearSchedule,
        ignores_zero=True,
    ),
    Row(
        "/dump",
        Access.ACTION,
        "Write every message that comes to the daemon's log: 1 as text, 2 as bytes, 3 as both, 0 "
        "no more.",
        (Argument("level", Kind.INT, low=0, high=3),),
        Dump,
    ),
    Row(
        "/ping",
        Access.ACTION,
        "Is anybody there?",
        (REST,),
        Ping,
        reply="/pong",
    ),
    Row(
        "/quit",
        Access.ACTION,
        "End the daemon; obeyed from this machine only.",
        make=Quit,
        reply="/done, then a clean exit",
        ignores_zero=True,
    ),
    Row(
        "/req",
        Access.ACTION,
        "Give the command that follows an id, which its /progress, /done or /fail will carry. "
        "A command with an id is always answered.",
        (ID, ADDRESS, REST),
        reply="/done or /fail, with the id",
    ),
    Row(
        "/startup",
        Access.PUSH,
        "Sent once to the addresses in the setting `notify`, when the daemon is ready.",
        (Argument("version", Kind.STRING),),
    ),
    Row(
        "/error",
        Access.PUSH,
        "A message that could not be understood, or whose address is not there; within /req it is "
        "a /fail.",
        (Argument("code", Kind.STRING), TEXT),
    ),
    Row(
        "/log",
        Access.PUSH,
        "What a person should know. Priority 0 is trouble, 1 a warning, 2 news.",
        (Argument("priority", Kind.INT, low=0, high=2), TEXT),
    ),
)
