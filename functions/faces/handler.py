"""Who appears: the Lambda entry point."""

from functions.faces.extract import extract, model_version, off
from kadr.core.modality import Stage
from kadr.runtime.runner import extractor

handler = extractor(Stage.FACES, extract=extract, model_version=model_version, off=off)
