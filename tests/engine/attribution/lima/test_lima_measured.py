"""LiMA's claims, measured: next to the plain search, and against other orders of its regions."""

from dataclasses import replace

import numpy as np
import pytest

from engine.attribution import KernelShap, LiMA, Occlusion, RandomOrder, Rise
from engine.attribution.heatmaps.partition import Partition, superpixels
from engine.attribution.lima.other_maps import by_mean
from engine.evaluation.measures.showing import region_curves
from engine.vision import data
from engine.vision.case import ImageCase, image_case
from engine.vision.case.target import Target
from engine.vision.data.example import Example
from engine.vision.images import Crop
from engine.vision.images.samples import SAMPLES, sample
from engine.vision.models.catalog import load

pytestmark = pytest.mark.slow

PHOTOGRAPHS = ("chelsea", "coffee", "rocket", "astronaut", "china")
REGIONS = 25


def digits(count=20):
    """Handwritten digits of 28 px that a small network gets right."""
    result, model = data.load("mnist-5k"), load("mnist-cnn")
    cases = []
    for row in result.rows("test"):
        image = image_case(model, Example(result, int(row)).picture(), Crop(), Target(0)).image
        top = int(model.logits(image[None])[0].argmax())
        if top == result.labels[row]:
            cases.append(ImageCase(model, image, Target(top, reading="probability")))
        if len(cases) == count:
            return cases
    raise AssertionError("too few digits are told right")


def photographs():
    model = load("lite0")
    for name in PHOTOGRAPHS:
        image = image_case(model, sample(name), Crop(), Target(0)).image
        top = int(model.logits(image[None])[0].argmax())
        yield ImageCase(model, image, Target(top, reading="probability"))


def test_from_both_ends_it_is_as_good_as_the_plain_search_in_fewer_calls(measure):
    gaps, fewer = [], []
    for case in digits():
        ours = LiMA(shape="grid", regions=49, pending=8)(case)
        plain = LiMA(shape="grid", regions=49, pending=49)(case)
        gaps.append(float(ours["areas"].values[0] - plain["areas"].values[0]))
        fewer.append(float(plain["looks"].values[0] / ours["looks"].values[0]))
    assert abs(np.mean(gaps)) < 0.02
    assert min(fewer) >= 1.4
    measure(
        "LiMA from both ends (8 pending), 49 tiles, 20 digits, against the plain search",
        f"insertion area {np.mean(gaps):+.4f}, at worst {min(gaps):+.4f}; "
        f"{min(fewer):.2f} × fewer passes",
    )


def closer(picture):
    """The middle of a photograph, three fifths of each side."""
    height, width = (round(side / 5) for side in picture.pixels.shape[:2])
    pixels = picture.pixels[height:-height, width:-width]
    return replace(picture, pixels=np.ascontiguousarray(pixels))


def fifty_regions(picture):
    """The network's first class in a photograph, and how to ask for about fifty superpixels."""
    model = load("lite0")
    image = image_case(model, picture, Crop(), Target(0)).image
    top = int(model.logits(image[None])[0].argmax())
    region_count = min(range(40, 81), key=lambda n: abs(superpixels(image, n).count - 50))
    return ImageCase(model, image, Target(top)), region_count


def test_on_photographs_it_is_as_good_as_the_plain_search_in_the_mean(measure):
    """Every sample, and the middle of the first nine: image by image it scatters both ways."""
    pictures = [sample(photograph.name) for photograph in SAMPLES]
    pictures += [closer(picture) for picture in pictures[:9]]
    gaps, fewer = [], []
    for picture in pictures:
        case, regions = fifty_regions(picture)
        ours, plain = LiMA(regions=regions)(case), LiMA(regions=regions, pending=80)(case)
        gaps.append(float(ours["areas"].values[0] - plain["areas"].values[0]))
        if len(ours["order"]) >= 49:
            fewer.append(float(plain["looks"].values[0] / ours["looks"].values[0]))
    assert len(gaps) == 20
    assert abs(np.mean(gaps)) < 0.02
    assert min(fewer) >= 1.4
    error = np.std(gaps, ddof=1) / len(gaps) ** 0.5
    measure(
        f"LiMA from both ends ({LiMA().pending} pending), about 50 superpixels, Lite0, 20 "
        "photographs, against the plain search",
        f"insertion area {np.mean(gaps):+.4f} ± {error:.4f}, from {min(gaps):+.3f} to "
        f"{max(gaps):+.3f}; from {min(fewer):.2f} × fewer passes",
    )


def areas_of(case, shape, method):
    """Insertion and deletion areas of LiMA, of others' maps on its regions, and of random."""
    result = method(case)
    partition = Partition.of(case, shape, method.regions)
    regions = method.regions
    maps = {
        "KernelSHAP": KernelShap(shape=shape, regions=regions, samples=500, cover="black"),
        "RISE": Rise(masks=500, cover="black"),
        "Occlusion": Occlusion(cover="black"),
    }
    orders = {
        name: by_mean(partition, map_method(case)["map"].values)
        for name, map_method in maps.items()
    }
    curves = region_curves(case, orders, cover="black")
    areas = {name: (curve.insertion_area, curve.deletion_area) for name, curve in curves.items()}
    random = RandomOrder(shape=shape, regions=regions, orders=10)(case)["areas"]
    areas["random"] = (random["insertion"].mean(), random["deletion"].mean())
    areas["LiMA"] = tuple(float(value) for value in result["areas"].values)
    return areas


@pytest.mark.parametrize("images", ["photographs", "digits"])
def test_its_order_is_better_than_that_of_other_maps_on_the_same_regions(images, measure):
    grid = images == "digits"
    cases = digits() if grid else list(photographs())
    method = LiMA(shape="grid" if grid else "superpixels", regions=49 if grid else REGIONS)
    method = replace(method, pending=8 if grid else 5)
    results = [areas_of(case, method.shape, method) for case in cases]
    means = {name: np.mean([result[name] for result in results], axis=0) for name in results[0]}
    inserted = {name: mean[0] for name, mean in means.items()}
    measure(
        f"LiMA on {len(cases)} {images}, {method.regions} {method.shape}: mean area under "
        "insertion / deletion",
        "; ".join(f"{name} {mean[0]:.3f} / {mean[1]:.3f}" for name, mean in means.items()),
    )
    assert inserted["LiMA"] == max(inserted.values())
    assert means["LiMA"][1] < means["random"][1]
