"""OSC's address patterns, matched without backtracking. Pure.

Every set of positions that the pattern could have reached is one integer, a bit for each
character of the name, so that the time is linear in the pattern for names of the length that
addresses have. A regular expression is the road not taken: twelve stars keep one busy for a
minute. This file knows nothing of addresses: it sees one part between two slashes at a time.

References:
    K. Thompson, "Regular Expression Search Algorithm", CACM 11(6), 1968 (sets of states);
    OSC 1.0 specification, section "OSC Message Dispatching and Pattern Matching".
"""

_SPECIAL = frozenset("*?[]{}")


def has_wildcard(address: str) -> bool:
    """Whether an address is a pattern.

    >>> has_wildcard("/gen/slot/*/stop"), has_wildcard("/gen/panic")
    (True, False)
    """
    return not _SPECIAL.isdisjoint(address)


def match_part(pattern: str, name: str) -> bool:
    """Whether one part of a pattern matches one part of an address.

    A bracket or brace that is never closed matches nothing.

    >>> match_part("{play,stop}", "stop"), match_part("[1-3]", "4"), match_part("*ai*", "gain")
    (True, False, True)
    """
    everything = (1 << len(name) + 1) - 1
    reached, index = 1, 0
    while index < len(pattern) and reached:
        sign = pattern[index]
        if sign == "*":
            reached = everything & ~((reached & -reached) - 1)
            index += 1
        elif sign in "[{":
            end = pattern.find("]" if sign == "[" else "}", index + 1)
            if end < 0:
                return False
            inside = pattern[index + 1 : end]
            step = _step_class if sign == "[" else _step_words
            reached, index = step(inside, name, reached), end + 1
        else:
            reached = _step_sign(sign, name, reached)
            index += 1
        reached &= everything
    return bool(reached >> len(name) & 1)


def _step_sign(sign: str, name: str, reached: int) -> int:
    allowed = sum(1 << at for at, letter in enumerate(name) if sign in ("?", letter))
    return (reached & allowed) << 1


def _step_class(inside: str, name: str, reached: int) -> int:
    is_negated = inside.startswith("!")
    letters = inside[1:] if is_negated else inside
    allowed = sum(1 << at for at, one in enumerate(name) if _is_in(one, letters) is not is_negated)
    return (reached & allowed) << 1


def _is_in(letter: str, letters: str) -> bool:
    at = 0
    while at < len(letters):
        if letters[at + 1 : at + 2] == "-" and at + 2 < len(letters):
            if letters[at] <= letter <= letters[at + 2]:
                return True
            at += 3
        else:
            if letters[at] == letter:
                return True
            at += 1
    return False


def _step_words(inside: str, name: str, reached: int) -> int:
    following = 0
    for word in inside.split(","):
        starts = sum(1 << at for at in range(len(name) + 1) if name.startswith(word, at))
        following |= (reached & starts) << len(word)
    return following
