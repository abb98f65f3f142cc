"""Cover a rectangle of the image: the same question about an edited picture."""

from dataclasses import replace

import torch

from engine.vision.case import ImageCase

PAINT = "paint"
COVERS = ("mean", "black", "blur", PAINT)


def covered(
    case: ImageCase, box: tuple[float, float, float, float], cover: str, color: str = ""
) -> ImageCase:
    """The exact case with a rectangle replaced by a baseline or a color.

    Args:
        case: whose image is edited.
        box: left, top, width, height in shares of the image.
        cover: mean (the model's zero), black, blur or paint.
        color: of the paint, as #rrggbb.
    """
    height, width = case.image.shape[1:]
    left, top, box_width, box_height = box
    rows = slice(round(top * height), round((top + box_height) * height))
    columns = slice(round(left * width), round((left + box_width) * width))
    image = case.image.clone()
    if cover == PAINT:
        paint = torch.tensor([*bytes.fromhex(color.removeprefix("#"))], dtype=image.dtype) / 255
        image[:, rows, columns] = paint[:, None, None].to(image.device)
    else:
        image[:, rows, columns] = case.baseline(cover)[:, rows, columns]
    return replace(case, image=image, precision="exact")
