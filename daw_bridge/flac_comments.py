"""Comments in a FLAC file, which libsndfile does not write as we need them.

Knows the blocks before the sound, and nothing of sound or of what comments mean.

References:
    RFC 9639, "Free Lossless Audio Codec", section 8: metadata blocks.
"""

import os
import shutil
import struct
from pathlib import Path
from typing import IO

_STREAMINFO_END = 4 + 4 + 34
_COMMENTS = 4
_LAST = 0x80


def set_flac_comments(path: Path, comments: bytes) -> None:
    """Put a block of comments behind the first block of a FLAC file, in place of what it has.

    Args:
        path: The file.
        comments: The block's content, as `sound_tags.vorbis_comments` makes it.
    """
    draft = path.with_name(path.name + ".tags")
    try:
        with path.open("rb") as source, draft.open("wb") as target:
            target.write(source.read(_STREAMINFO_END))
            target.seek(4)
            target.write(b"\0")  # the first block is not the last one
            target.seek(0, os.SEEK_END)
            header = struct.pack(">I", len(comments))[1:]
            target.write(bytes([_LAST | _COMMENTS]) + header + comments)
            _skip_flac_blocks(source)
            shutil.copyfileobj(source, target, 1 << 20)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _skip_flac_blocks(source: IO[bytes]) -> None:
    source.seek(4)
    is_last = False
    while not is_last:
        head = source.read(4)
        is_last = bool(head[0] & _LAST)
        source.seek(int.from_bytes(head[1:], "big"), os.SEEK_CUR)
