"""From the states of the stages to a named checkpoint, with its data's sources and licences.

Knows no ONNX and no loss: `training/export.py` writes the graphs, the stages made the states.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence

from generator.api import SAMPLE_RATE_HZ
from generator.checkpoint import Checkpoint, Licence, Manifest
from generator.text import ENCODER_FILE, TOKENIZER_FILE
from training.autoencoder import load_encoder
from training.config import ReleaseRun
from training.corpus.shards import Corpus
from training.errors import TrainingError
from training.export import Trained, export_checkpoint, export_weights
from training.export_text import encoder_of_folder
from training.states import load_decoder
from training.student import load_backbone

TEXT_ENCODER = "MiniLM-L6 (all-MiniLM-L6-v2), token states"
TEXT_LICENCE = Licence("text encoder", "Apache-2.0", "sentence-transformers/all-MiniLM-L6-v2")
CREDITS_FILE = "CREDITS.md"
CREDITS_HEAD = """# What the weights learnt from

Every recording was trimmed, resampled where needed and peak-normalised before training. Authors by
source and licence, with the number of clips of each. No author endorses this model or what it
makes.
"""
WEIGHTS_LICENCE = Licence("transformer, decoder", "Apache-2.0", "daw-bridge")


def data_summary(corpora: Sequence[Corpus]) -> tuple[str, ...]:
    """Return a line for each source: clips, hours and licences of what was trained on."""
    seconds: dict[str, float] = defaultdict(float)
    clips: dict[str, int] = defaultdict(int)
    licences: dict[str, set[str]] = defaultdict(set)
    for corpus in corpora:
        for index in corpus.indices("train"):
            entry = corpus.entries[int(index)]
            seconds[entry.source] += entry.seconds
            clips[entry.source] += 1
            licences[entry.source].add(entry.licence)
    return tuple(
        f"{source}: {clips[source]} clips, {seconds[source] / 3600.0:.2f} h, "
        f"{', '.join(sorted(licences[source]))}"
        for source in sorted(seconds, key=lambda name: -seconds[name])
    )


def data_licences(corpora: Sequence[Corpus]) -> tuple[Licence, ...]:
    """Return whom the training data thanks: every source under every licence it came with."""
    found = {
        (entry.source, entry.licence)
        for corpus in corpora
        for entry in (corpus.entries[int(index)] for index in corpus.indices("train"))
    }
    return tuple(Licence("training data", licence, source) for source, licence in sorted(found))


def credits_page(corpora: Sequence[Corpus]) -> str:
    """Return whom the weights thank, in Markdown: every source, licence and author, with counts."""
    found: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for corpus in corpora:
        for index in corpus.indices("train"):
            entry = corpus.entries[int(index)]
            found[entry.source, entry.licence][entry.author] += 1
    lines = [CREDITS_HEAD]
    for (source, licence), authors in sorted(found.items()):
        named = ", ".join(f"{author} ({count})" for author, count in sorted(authors.items()))
        lines.append(f"## {source} ({licence})\n\n{named}\n")
    return "\n".join(lines)


def load_trained(run: ReleaseRun) -> Trained:
    """Return the networks of a release, from the states of their stages.

    Args:
        run: Names the states.

    Returns:
        The networks, in evaluation mode.
    """
    backbone = load_backbone(run.student, run.model)
    decoder = load_decoder(run.autoencoder)
    encoder = load_encoder(run.autoencoder, SAMPLE_RATE_HZ)
    return Trained(backbone, backbone.config, decoder, decoder.config, encoder)


def release(run: ReleaseRun) -> Checkpoint:
    """Write a checkpoint folder from the states that a config names.

    Args:
        run: Names the states, the corpora and the folder.

    Returns:
        The checkpoint, verified.

    Raises:
        TrainingError: A state or a corpus is missing or is of another kind.
    """
    try:
        corpora = [Corpus(path) for path in run.corpora]
    except OSError as error:
        raise TrainingError(str(error)) from error
    trained = load_trained(run)
    manifest = Manifest(
        name=run.name,
        objective=run.objective,
        text_encoder=TEXT_ENCODER,
        precision=run.form,
        latent_channels=trained.decoder_sizes.latent_channels,
        training_data=data_summary(corpora),
        licences=(WEIGHTS_LICENCE, TEXT_LICENCE, *data_licences(corpora)),
    )
    run.folder.mkdir(parents=True, exist_ok=True)
    for name in (ENCODER_FILE, TOKENIZER_FILE):
        if run.folder != run.text_encoder:
            (run.folder / name).write_bytes((run.text_encoder / name).read_bytes())
    (run.folder / CREDITS_FILE).write_text(credits_page(corpora), encoding="utf-8")
    if run.form == "bf16":
        return export_weights(run.folder, trained, manifest, encoder_of_folder(run.folder))
    return export_checkpoint(run.folder, trained, manifest, quantised=run.form == "int8")
