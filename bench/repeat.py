"""Whether a seed is a promise: the same request alone, again, and among others gives the same file.

Uses the command line, as a user would; knows nothing of the engine.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.row import Row

PROMPTS = ("deep 808 kick, short", "warm pad", "bright pluck", "rain texture")
SECONDS = 1.5
SEED = 11


def measure(model: str) -> list[Row]:
    """Return the one row of this file.

    Args:
        model: The checkpoint.

    Returns:
        Whether all files of the first prompt are the same, byte for byte.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = [_alone(folder / "once.wav", model), _alone(folder / "again.wav", model)]
        files += [
            _among_others(folder, PROMPTS, model),
            _among_others(folder, PROMPTS[::-1], model),
        ]
        is_same = len({path.read_bytes() for path in files}) == 1
    return [
        Row(
            f"same seed alone, again, first and last of {len(PROMPTS)} in a batch",
            "identical samples",
            "identical files" if is_same else "they differ",
            passed=is_same,
        )
    ]


def _alone(path: Path, model: str) -> Path:
    words = [PROMPTS[0], "-o", str(path), "--seconds", str(SECONDS), "--seed", str(SEED)]
    _run_generate(*words, "--model", model)
    return path


def _among_others(folder: Path, prompts: tuple[str, ...], model: str) -> Path:
    """Make a batch; return the file of the first prompt of PROMPTS."""
    paths = {prompt: folder / f"{index}-{prompts[0]}.wav" for index, prompt in enumerate(prompts)}
    lines = [
        json.dumps({"prompt": prompt, "output": str(path), "seconds": SECONDS, "seed": SEED})
        for prompt, path in paths.items()
    ]
    batch = folder / "batch.jsonl"
    batch.write_text("\n".join(lines), "utf-8")
    _run_generate("--batch", str(batch), "--model", model)
    return paths[PROMPTS[0]]


def _run_generate(*words: str) -> None:
    command = [sys.executable, "-m", "daw_bridge", "generate", *words]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
