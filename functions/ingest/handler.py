"""Registers an upload: probe, thumbnail, status rows: the Lambda entry point."""

from functions.ingest.extract import extract, model_version
from kadr.core.modality import Stage
from kadr.runtime.runner import extractor

handler = extractor(Stage.INGEST, extract=extract, model_version=model_version)
