"""What a model does with a data set: its logits, and the shares it gets right."""

import numpy as np
import torch
from torch import Tensor

from engine.core.method import Progress, quiet
from engine.vision.data import DataSet, Rows
from engine.vision.models.classifier import Classifier
from engine.vision.models.passes import counting_passes
from engine.vision.models.threads import one_thread
from engine.vision.training.attack import Pgd, pgd

LOOK = 250  # images at a time
ATTACKED = 300  # images that an attack is measured on


def outputs(model: Classifier, data: DataSet, rows: Rows, progress: Progress = quiet) -> Tensor:
    """Logits (n, classes) of some rows in eval mode, on the CPU; the mode is put back.

    For measuring: its passes count for no bill.
    """
    training = model.training
    model.eval()
    try:
        with torch.no_grad(), one_thread(), counting_passes(None):
            parts = np.array_split(rows, max(-(-len(rows) // LOOK), 1))
            results = []
            for part in parts:
                results.append(model(data.pixels(part).to(model.device)).cpu())
                progress(len(results) / len(parts), "looking at images")
    finally:
        model.train(training)
    return torch.cat(results)


def figures(model: Classifier, data: DataSet, attack: Pgd | None = None) -> dict[str, float]:
    """Shares of right answers: of each split, the mean over classes in the test, under attack.

    The attack meets some images of the test split only, as many of each class, and starts from
    fixed noise.
    """
    results: dict[str, float] = {}
    for split in ("train", "validation", "test"):
        if len(rows := data.rows(split)):
            right = outputs(model, data, rows).argmax(1) == data.targets(rows)
            results[f"{split} accuracy"] = right.float().mean().item()
            if split == "test":
                labels = data.labels[rows]
                class_accuracies = [
                    right.numpy()[labels == label].mean() for label in np.unique(labels)
                ]
                results["balanced test accuracy"] = float(np.mean(class_accuracies))
    if attack is not None and len(data.rows("test")):
        results[f"test accuracy under attack, ε = {attack.epsilon:g}"] = robust(model, data, attack)
    return {name: round(value, 4) for name, value in results.items()}


def robust(model: Classifier, data: DataSet, attack: Pgd) -> float:
    """The share of test images still right when each is attacked."""
    rows = data.some("test", ATTACKED)
    targets = data.targets(rows).to(model.device)
    images = torch.from_numpy(data.images[rows] / np.float32(255)).to(model.device)
    with one_thread():
        result = pgd(model, images, targets, attack, torch.Generator().manual_seed(0))
        with torch.no_grad():
            logits = model(result.expand(-1, 3, -1, -1))
    return (logits.argmax(1) == targets).float().mean().item()
