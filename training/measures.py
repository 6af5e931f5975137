"""Numbers for sets of embeddings: Fréchet distance, retrieval, diversity. Pure numpy.

Knows neither sound nor models; `training/evaluate.py` says what is compared with what.

References:
    Fréchet distance: Heusel et al. 2017, arXiv 1706.08500, and for sound Kilgour et al. 2018,
    arXiv 1812.08466. Distances among takes of one prompt: the conditional diversity of Novack et
    al. 2025, arXiv 2505.08175.
"""

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.floating]


def frechet_distance(a: FloatArray, b: FloatArray) -> float:
    """Return the squared Fréchet distance of the normal laws with the sets' means and covariances.

    Shapes:
        a: [m, width]; b: [n, width]
    """
    difference = a.mean(0, dtype=np.float64) - b.mean(0, dtype=np.float64)
    covariance_a, covariance_b = covariance(a), covariance(b)
    root = symmetric_root(covariance_a)
    # The eigenvalues of A^1/2 B A^1/2 are those of AB, and real.
    shared = np.linalg.eigvalsh(root @ covariance_b @ root).clip(min=0.0)
    traces = np.trace(covariance_a) + np.trace(covariance_b)
    return float(difference @ difference + traces - 2.0 * np.sqrt(shared).sum())


def covariance(x: FloatArray) -> npt.NDArray[np.float64]:
    """Return the unbiased covariance of a set.

    Shapes:
        x: [n, width]  ->  [width, width]
    """
    centred = x.astype(np.float64) - x.mean(0, dtype=np.float64)
    product: npt.NDArray[np.float64] = centred.T @ centred / max(1, len(x) - 1)
    return product


def symmetric_root(matrix: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the positive square root of a positive symmetric matrix, [width, width]."""
    values, vectors = np.linalg.eigh(matrix)
    root: npt.NDArray[np.float64] = (vectors * np.sqrt(values.clip(min=0.0))) @ vectors.T
    return root


def ranks(scores: FloatArray, right: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
    """Return how many wrong candidates score at least as high as the right one, for each query.

    Shapes:
        scores: [queries, candidates]; right: [queries], the right candidate  ->  [queries], 0 is
        best.
    """
    own = scores[np.arange(len(scores)), right]
    found: npt.NDArray[np.int64] = (scores >= own[:, None]).sum(1).astype(np.int64) - 1
    return found


def recall(found: npt.NDArray[np.int64], depth: int) -> float:
    """Return the share of queries whose right candidate is among the first ``depth``."""
    return float((found < depth).mean())


def diversity(embeddings: FloatArray) -> float:
    """Return the mean cosine distance of different takes of one prompt, over all prompts.

    Shapes:
        embeddings: [prompts, takes, width] with at least two takes
    """
    unit = embeddings / np.linalg.norm(embeddings, axis=-1, keepdims=True).clip(min=1e-12)
    takes = unit.shape[1]
    cosines = np.einsum("pav,pbv->pab", unit, unit)
    off_diagonal = cosines.sum((1, 2)) - np.trace(cosines, axis1=1, axis2=2)
    return float(1.0 - (off_diagonal / (takes * (takes - 1))).mean())
