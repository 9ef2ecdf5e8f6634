"""Text on screen: the Lambda entry point."""

from functions.ocr.extract import extract, model_version
from kadr.core.modality import Stage
from kadr.runtime.runner import extractor

handler = extractor(Stage.OCR, extract=extract, model_version=model_version)
