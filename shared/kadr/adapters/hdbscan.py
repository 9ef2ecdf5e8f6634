"""Finding groups with HDBSCAN: of any number and any shape, and not everything has to be in one.

Campello, Moulavi and Sander, *Density-Based Clustering Based on Hierarchical Density Estimates*, 2013; the
package is McInnes, Healy and Astels, *hdbscan: Hierarchical density based clustering*, JOSS 2017.
"""

from __future__ import annotations

import warnings

import numpy as np

from kadr.core.extraction import Vector
from kadr.core.themes import Labels


class Hdbscan:
    """Implements :class:`kadr.ports.themes.Groups`; the same rows give the same groups."""

    def groups(self, rows: Vector, smallest: int) -> Labels:
        """Return the group of each row; see the port."""
        if len(rows) < max(2, smallest) or not len(np.unique(rows, axis=0)) > 1:
            return np.full(len(rows), -1, dtype=np.intp)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of scikit-learn, about names that hdbscan still uses
            from hdbscan import HDBSCAN

            # leaf: the groups that fall apart no further; the larger ones above them (eom) are "everything in
            # Russian". min_samples 1: collections are sparse, and a radius keeps strays out anyway.
            # One process: Lambda has no shared memory for more.
            found = HDBSCAN(
                min_cluster_size=smallest,
                min_samples=1,
                cluster_selection_method="leaf",
                core_dist_n_jobs=1,
            ).fit_predict(rows.astype(np.float64))
        labels: Labels = np.asarray(found, dtype=np.intp)
        return labels
