"""CLIP video embedding and per-frame embeddings: the Lambda entry point."""

from functions.visual.extract import extract, model_version
from kadr.core.modality import Stage
from kadr.runtime.runner import extractor

handler = extractor(Stage.VISUAL, extract=extract, model_version=model_version)
