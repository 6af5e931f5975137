"""The tree of errors of the generator: everything that this package refuses or fails at."""


class GeneratorError(Exception):
    """The root of everything that this package refuses or fails at."""


class RequestError(GeneratorError):
    """A request asks for something outside what a generator can make."""


class SourceError(RequestError):
    """The take that a new one is made from is not remembered, or not what the request needs."""


class CheckpointError(GeneratorError):
    """A checkpoint is missing, damaged, unsafe or of another version."""
