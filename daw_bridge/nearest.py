"""What to tell somebody whose address is not there: the one that was meant, as far as can be seen.

Pure. It knows the tree of addresses that messages may be sent to, and nothing of rows.
Flow: addresses.py, which finds nothing → here → the text of a refusal.
"""

import difflib
from collections.abc import Container, Mapping
from typing import cast

# Nested: the parts of addresses, those of the next level below each.
Tree = Mapping[str, object]
_SHOWN = 64
_ALIKE = 0.6


def no_address(address: str, tree: Tree, places: Container[str], root: str) -> str:
    """What to say of an address that is not there.

    Args:
        address: It.
        tree: What there is.
        places: Every address of it.
        root: What nearly all of it begins with.

    Returns:
        A number that there is none of is named with those there are; else the nearest address.
    """
    shown, parts = address[:_SHOWN], address.removeprefix("/").split("/")
    if not address.startswith("/"):
        near = nearest(address, tree, places)
        return f"There is no address {shown}; one begins with /, such as {near}."
    node, above = tree, ""
    for part in parts:
        if part not in node:
            break
        node, above = cast("Tree", node[part]), part
    else:
        part = ""
    if part.isdecimal() and (numbers := sorted(int(one) for one in node if one.isdecimal())):
        return f"There is no {above} {part}; they go from {numbers[0]} to {numbers[-1]}."
    if node is tree and not difflib.get_close_matches(part[:_SHOWN], list(tree), 1, _ALIKE):
        return f"There is no address {shown}; those of this daemon begin with {root}/."
    return f"There is no address {shown}; the nearest is {nearest(address, tree, places)}."


def nearest(address: str, tree: Tree, places: Container[str]) -> str:
    """The known address most like an unknown one, found part by part.

    >>> nearest("/gen/temop", {"gen": {"tempo": {"tap": {}}, "panic": {}}}, {"/gen/tempo"})
    '/gen/tempo'
    """
    node, found = tree, ""
    for part in [*address.removeprefix("/").split("/"), *[""] * 8]:
        if not node or (not part and found in places):
            break
        names = list(node)
        near = difflib.get_close_matches(part[:_SHOWN], names, n=1, cutoff=0.0)
        name = part if part in node else (near or names)[0]
        found, node = f"{found}/{name}", cast("Tree", node[name])
    return found
