"""What the models learn from: rendered and recorded clips with captions.

Knows sound and words; knows nothing of models. First stage of the training chain: everything here
ends as :class:`training.corpus.clip.Clip` records.
"""
