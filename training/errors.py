"""The one root of everything that training refuses."""


class TrainingError(Exception):
    """Training cannot go on; the text says what was found, what is allowed and what to do."""
