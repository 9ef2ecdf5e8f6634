"""CRAFT and the generation-2 recogniser in PyTorch, of any width, with the names of EasyOCR's tensors.

What is trained here has the layout of the published weights; at full width these networks and the package's
take one another's weights (``test_package.py``).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

# The widths of the published weights: VGG's four, the layer behind them, the steps up, the head.
CRAFT_WIDTHS = (64, 128, 256, 512, 1024, 256, 128, 64, 32, 16)
RECOGNISER_WIDTH = 256

# VGG-16 with batch norms as torchvision numbers it: (slice, position, index of the width; 0 is a pooling).
_VGG: tuple[tuple[str, int, int], ...] = (
    ("slice1", 0, 1), ("slice1", 3, 1), ("slice1", 6, 0), ("slice1", 7, 2), ("slice1", 10, 2),
    ("slice2", 13, 0), ("slice2", 14, 3), ("slice2", 17, 3),
    ("slice3", 20, 3), ("slice3", 23, 0), ("slice3", 24, 4), ("slice3", 27, 4),
    ("slice4", 30, 4), ("slice4", 33, 0), ("slice4", 34, 4), ("slice4", 37, 4),
)  # fmt: skip


class Craft(nn.Module):
    """Pixels (batch, 3, h, w) → maps (batch, h/2, w/2, 2)."""

    def __init__(self, widths: tuple[int, ...] = CRAFT_WIDTHS) -> None:
        super().__init__()
        first, second, third, fourth, full, up1, up2, up3, up4, narrow = widths
        by_index = (0, first, second, third, fourth)
        slices: dict[str, nn.Sequential] = {}
        channels = 3
        for name, position, index in _VGG:
            part = slices.setdefault(name, nn.Sequential())
            if index == 0:
                part.add_module(str(position), nn.MaxPool2d(2, 2))
                continue
            part.add_module(str(position), nn.Conv2d(channels, by_index[index], 3, padding=1))
            part.add_module(str(position + 1), nn.BatchNorm2d(by_index[index]))
            channels = by_index[index]
        slices["slice5"] = nn.Sequential(
            nn.MaxPool2d(3, 1, 1), nn.Conv2d(fourth, full, 3, padding=6, dilation=6), nn.Conv2d(full, full, 1)
        )
        self.basenet = nn.Module()
        for name, part in slices.items():
            self.basenet.add_module(name, part)

        def step(beside: int, below: int, middle: int, out: int) -> nn.Module:
            module = nn.Module()
            module.conv = nn.Sequential(
                nn.Conv2d(beside + below, middle, 1), nn.BatchNorm2d(middle), nn.ReLU(),
                nn.Conv2d(middle, out, 3, padding=1), nn.BatchNorm2d(out), nn.ReLU(),
            )  # fmt: skip
            return module

        self.upconv1 = step(fourth, full, fourth, up1)
        self.upconv2 = step(fourth, up1, up1, up2)
        self.upconv3 = step(third, up2, up2, up3)
        self.upconv4 = step(second, up3, up3, up4)
        self.conv_cls = nn.Sequential(
            nn.Conv2d(up4, up4, 3, padding=1), nn.ReLU(), nn.Conv2d(up4, up4, 3, padding=1), nn.ReLU(),
            nn.Conv2d(up4, narrow, 3, padding=1), nn.ReLU(), nn.Conv2d(narrow, narrow, 1), nn.ReLU(),
            nn.Conv2d(narrow, 2, 1),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        """Return region and affinity."""
        kept: dict[int, Tensor] = {}
        for name, position, index in _VGG:
            part = dict(self.basenet.get_submodule(name).named_children())
            x = part[str(position)](x)
            if index:
                x = part[str(position + 1)](x)
                x = functional.relu(x) if position != 37 else x
            kept[position] = x
        full = self.basenet.get_submodule("slice5")(x)
        y = self.upconv1.conv(torch.cat([full, x], 1))
        for module, position in ((self.upconv2, 27), (self.upconv3, 17), (self.upconv4, 10)):
            beside = kept[position]
            y = functional.interpolate(y, size=beside.shape[2:], mode="bilinear", align_corners=False)
            y = module.conv(torch.cat([y, beside], 1))
        return self.conv_cls(y).permute(0, 2, 3, 1)


class Recogniser(nn.Module):
    """Lines (batch, 1, 64, w) → logits (batch, w/4 − 1, 1 + characters)."""

    def __init__(self, classes: int, width: int = RECOGNISER_WIDTH) -> None:
        super().__init__()
        a, b, c, d = width // 8, width // 4, width // 2, width
        self.FeatureExtraction = nn.Module()
        self.FeatureExtraction.ConvNet = nn.Sequential(
            nn.Conv2d(1, a, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2, 2),
            nn.Conv2d(a, b, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2, 2),
            nn.Conv2d(b, c, 3, padding=1), nn.ReLU(), nn.Conv2d(c, c, 3, padding=1), nn.ReLU(),
            nn.MaxPool2d((2, 1), (2, 1)),
            nn.Conv2d(c, d, 3, padding=1, bias=False), nn.BatchNorm2d(d), nn.ReLU(),
            nn.Conv2d(d, d, 3, padding=1, bias=False), nn.BatchNorm2d(d), nn.ReLU(),
            nn.MaxPool2d((2, 1), (2, 1)),
            nn.Conv2d(d, d, 2), nn.ReLU(),
        )  # fmt: skip

        def recurrent() -> nn.Module:
            module = nn.Module()
            module.rnn = nn.LSTM(width, width, bidirectional=True, batch_first=True)
            module.linear = nn.Linear(2 * width, width)
            return module

        self.SequenceModeling = nn.Sequential(recurrent(), recurrent())
        self.Prediction = nn.Linear(width, classes)

    def forward(self, lines: Tensor) -> Tensor:
        """Return the logits of every step."""
        x = self.FeatureExtraction.ConvNet(lines).mean(2).transpose(1, 2)
        for part in self.SequenceModeling:
            x = part.linear(part.rnn(x)[0])
        return self.Prediction(x)
