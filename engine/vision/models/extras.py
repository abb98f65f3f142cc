"""Libraries that bring more kinds of models and files, installed by whoever wants them."""

from dataclasses import dataclass
from importlib.util import find_spec


@dataclass(frozen=True)
class Extra:
    """A library beside the app's own, and what it brings."""

    module: str
    package: str  # as pip calls it
    brings: str

    @property
    def installed(self) -> bool:
        """Whether it can be imported; it is not imported to find out, which takes seconds."""
        return find_spec(self.module) is not None

    @property
    def install(self) -> str:
        return f"pip install {self.package}"


XRAY = Extra("torchxrayvision", "torchxrayvision", "models of chest X-rays")
CLIP = Extra("open_clip", "open_clip_torch", "models that compare an image with words of yours")
ONNX = Extra("onnxruntime", "onnx onnxscript onnxruntime", "models as files for other programs")
TRANSFORMERS = Extra("transformers", "transformers", "vision-language models of one's own")
DASK = Extra("distributed", "distributed", "sweeps on many computers")
