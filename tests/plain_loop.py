"""Networks of timm's, trained by a plain loop of PyTorch: nothing of Blindspot trains them.

As somebody brings them: weights alone, of a size and normalization that no file says.
"""

import zipfile
from dataclasses import dataclass
from functools import cache

import numpy as np
import timm
import torch
from PIL import Image
from sklearn.datasets import load_digits
from torch.nn import functional as F

from engine.vision.data import DataCard, DataSet
from tests.hostile import archives
from tests.in_memory import png, torch_file

CLASSES = tuple("0123456789")
TRAINED, TESTED = 800, 300  # of the digits
BATCH = 32


@dataclass(frozen=True)
class PlainTraining:
    """How a network was trained; hashable, so that it is trained once a session."""

    architecture: str = "test_efficientnet"
    side: int = 32
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.5, 0.5, 0.5)
    channels: str = "RGB"
    order: tuple[int, ...] = tuple(range(10))  # the class that each output stands for
    without: int | None = None  # a class that was left out
    seed: int = 0
    epochs: int = 4
    rate: float = 5e-3
    made: tuple[tuple[str, int], ...] = ()  # options of timm.create_model

    def network(self) -> torch.nn.Module:
        torch.manual_seed(self.seed)
        return timm.create_model(self.architecture, num_classes=len(CLASSES), **dict(self.made))


@cache
def digits(side: int = 32) -> tuple[np.ndarray, np.ndarray]:
    """Handwritten digits in two colors, (n, side, side, 3) uint8, and their labels (n,)."""
    gray, labels = load_digits(return_X_y=True)
    small = np.uint8(np.minimum(gray.reshape(-1, 8, 8) * 16, 255))
    planes = [np.asarray(Image.fromarray(digit).resize((side, side))) for digit in small]
    ink = np.stack(planes).astype(np.float32) / 255
    paper, pen = np.array([30, 60, 120]), np.array([250, 200, 90])
    colored = paper + ink[..., None] * (pen - paper)
    count = TRAINED + TESTED
    return np.uint8(np.round(colored))[:count], labels[:count].astype(np.int64)


def normalized(images: np.ndarray, how: PlainTraining) -> torch.Tensor:
    """Images (n, side, side, 3) as that training has them, (n, channels, side, side)."""
    planes = images.astype(np.float32) / 255
    if how.channels == "BGR":
        planes = planes[..., ::-1]
    if how.channels == "gray":
        count = dict(how.made).get("in_chans", 3)
        planes = np.repeat((planes @ np.float32([0.299, 0.587, 0.114]))[..., None], count, -1)
    mean, std = (np.float32(values[: planes.shape[-1]]) for values in (how.mean, how.std))
    planes = (planes - mean) / std
    return torch.from_numpy(np.ascontiguousarray(planes.transpose(0, 3, 1, 2)))


@cache
def trained(how: PlainTraining) -> torch.nn.Module:
    """The network after a few epochs of Adam."""
    images, labels = digits(how.side)
    inputs, outputs = normalized(images[:TRAINED], how), np.argsort(how.order)[labels[:TRAINED]]
    rows = np.flatnonzero(labels[:TRAINED] != how.without)
    network = how.network()
    optimizer = torch.optim.Adam(network.parameters(), how.rate)
    rng = np.random.default_rng(how.seed)
    network.train()
    with torch.enable_grad():
        for _ in range(how.epochs):
            for batch in np.array_split(rng.permutation(rows), len(rows) // BATCH):
                loss = F.cross_entropy(network(inputs[batch]), torch.from_numpy(outputs[batch]))
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
    return network.eval()


def untrained(how: PlainTraining) -> torch.nn.Module:
    return how.network().eval()


def accuracy(network: torch.nn.Module, how: PlainTraining, rows: slice = slice(TRAINED)) -> float:
    """The share of images that it gets right, counted by hand."""
    images, labels = digits(how.side)
    with torch.no_grad():
        predictions = network(normalized(images[rows], how)).argmax(1).numpy()
    return float((np.array(how.order)[predictions] == labels[rows]).mean())


def weights(network: torch.nn.Module) -> bytes:
    return torch_file(network.state_dict())


def data_set(side: int = 32, *, test: bool = True) -> DataSet:
    """The digits as a data set of somebody's own."""
    images, labels = digits(side)
    count = len(labels) if test else TRAINED
    split = np.where(np.arange(count) < TRAINED, 0, 2).astype(np.uint8)
    planes = np.ascontiguousarray(images[:count].transpose(0, 3, 1, 2))
    card = DataCard("Own digits", "", "", "")
    return DataSet("upload-digits", card, CLASSES, planes, labels[:count], np.arange(count), split)


def zipped(rows: slice, side: int = 32, folders: tuple[str, ...] = CLASSES) -> bytes:
    images, labels = digits(side)
    pictures = {
        f"{folders[labels[place]]}/{place:04}.png": png(images[place])
        for place in range(len(labels))[rows]
    }
    return archives.zipped(pictures, zipfile.ZIP_STORED)
