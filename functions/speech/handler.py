"""Voice activity, transcript, translation: the Lambda entry point."""

from functions.speech.extract import extract, model_version
from kadr.core.modality import Stage
from kadr.runtime.runner import extractor

handler = extractor(Stage.SPEECH, extract=extract, model_version=model_version)
