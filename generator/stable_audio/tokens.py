"""Words to the numbers of T5's pieces, with the tokeniser that lies beside its weights.

The one owner of `tokenizers` in this package; it does not know what the numbers mean.
"""

from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from generator.api import IntArray
from generator.errors import CheckpointError

MAX_TOKENIZER_BYTES = 20_000_000


class Pieces:
    """Splits texts.

    Args:
        path: A `tokenizer.json`.
        most: Number of pieces after which a text is cut; the end mark counts.
        vocabulary: How many pieces the text encoder knows; any number where it is not given.

    Raises:
        CheckpointError: The file is missing, is no tokeniser, or belongs to another text encoder.
    """

    def __init__(self, path: Path, *, most: int, vocabulary: int | None = None) -> None:
        try:
            if path.stat().st_size > MAX_TOKENIZER_BYTES:
                raise CheckpointError(f"{path} is no tokeniser: over {MAX_TOKENIZER_BYTES} bytes.")
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise CheckpointError(f"The tokeniser cannot be read: {error}") from error
        try:
            self._tokenizer = Tokenizer.from_str(text)
        except Exception as error:  # the library raises nothing narrower
            raise CheckpointError(f"{path} is no tokeniser: {error}") from error
        highest = max(self._tokenizer.get_vocab().values(), default=0)
        if vocabulary is not None and highest >= vocabulary:
            raise CheckpointError(
                f"{path} numbers its pieces up to {highest}; the text encoder knows {vocabulary}. "
                "Bring the tokeniser that belongs to it."
            )
        self._tokenizer.enable_truncation(most)
        self._tokenizer.no_padding()

    def split(self, text: str) -> IntArray:
        """Return the numbers of a text's pieces, the end mark last.

        Shapes:
            returns: [pieces]
        """
        return np.array(self._tokenizer.encode(text).ids, np.int64)
