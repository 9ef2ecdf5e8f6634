"""The recipe of the sample clips: the same specification draws them and writes their ground truth."""
