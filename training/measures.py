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

    With covariances ``A = X'X`` and ``B = Y'Y``, the trace of the root of ``AB`` is the sum of the
    singular values of ``XY'``: no root of a matrix is needed.

    Shapes:
        a: [m, width]; b: [n, width]
    """
    difference = a.mean(0, dtype=np.float64) - b.mean(0, dtype=np.float64)
    x, y = covariance_root(a), covariance_root(b)
    shared = np.linalg.svd(x @ y.T, compute_uv=False).sum()
    return float(difference @ difference + (x * x).sum() + (y * y).sum() - 2.0 * shared)


def covariance_root(x: FloatArray) -> npt.NDArray[np.float64]:
    """Return a matrix whose product with itself is the unbiased covariance of a set.

    Shapes:
        x: [n, width]  ->  [at most width, width]
    """
    centred = (x.astype(np.float64) - x.mean(0, dtype=np.float64)) / np.sqrt(max(1, len(x) - 1))
    root: npt.NDArray[np.float64] = centred
    if len(root) > root.shape[1]:
        root = np.asarray(np.linalg.qr(root, mode="r"), np.float64)
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
