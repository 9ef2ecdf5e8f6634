"""The registry of weights: where they come from, their checksums, their calibration."""
