"""Measures the calibration of the installed text encoder: python scripts/calibrate_text.py MODELS.

Mean and standard deviation of the cosine between a query and a text about something else, over the 64 × 63
such pairs of shared/kadr/models/unrelated.tsv. The figures go into kadr/models/catalogue.py.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from kadr.adapters.minilm import MiniLM
from kadr.models.convert import cosines_of_unrelated, unrelated
from kadr.models.registry import require


def main() -> None:
    """Measure and print as JSON."""
    encoder = MiniLM(require("text", Path(sys.argv[1])).directory)
    queries, texts = (encoder.embed(column) for column in zip(*unrelated(), strict=True))
    unrelated_pairs = cosines_of_unrelated(queries, texts)
    related = np.sum(queries * texts, axis=1)
    print(
        json.dumps(
            {
                "model": encoder.model_version,
                "pairs": int(unrelated_pairs.size),
                "mean": round(float(unrelated_pairs.mean()), 4),
                "deviation": round(float(unrelated_pairs.std()), 4),
                "related_mean": round(float(related.mean()), 4),
                "related_min": round(float(related.min()), 4),
            }
        )
    )


if __name__ == "__main__":
    main()
