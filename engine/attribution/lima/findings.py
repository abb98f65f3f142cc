"""What a search for minimal regions found, and how its order compares: in sentences."""

from collections.abc import Mapping
from typing import Any

from engine.core.result import Curve, Table
from engine.vision.case import ImageCase

FIRST = "of the first class"  # the class that the model sees in the whole image
ViewsByName = Mapping[str, Any]  # the views of an answer, by name
NEARLY = 0.9  # of the whole image's probability
HARDLY = 0.05  # a probability below which the image does not show the class
NEAR = 0.99  # of the highest probability: no worse to the eye, and often far fewer regions


def sufficient_area(case: ImageCase, result: ViewsByName) -> tuple[str, int]:
    """How little of the image gives nearly what the whole gives, and at which step.

    The order comes from a greedy search: the part it finds need not be the smallest one.
    """
    curve, label = result["insertion"], asked_about(case)
    best = best_step(curve)
    nothing, whole = float(curve.y[0]), float(curve.y[-1])
    if nothing >= NEARLY * whole:
        return (
            f"No part is needed: with every region hidden, “{label}” has {nothing:.2g}; the "
            f"whole image gives it {whole:.2g}."
        ), best
    if whole < HARDLY:
        return (
            f"The whole image hardly gives “{label}” anything ({whole:.2g}): nothing can be "
            f"enough for it. Parts shown in the order found give it {float(curve.y.max()):.2g} at "
            "most."
        ), best
    step = int((curve.y[1:] >= NEARLY * whole).argmax()) + 1
    if step == len(curve.x) - 1:
        return (
            f"No part is enough: in the order found only the whole image gives “{label}” its "
            f"{whole:.2f}."
        ), step
    return (
        f"{100 * curve.x[step]:.0f} % of the image is enough: with only the first {step} of "
        f"{len(curve.x) - 1} regions in the order found, “{label}” has {curve.y[step]:.2f}; the "
        f"whole image gives it {whole:.2f}."
    ), step


def misled(case: ImageCase, result: ViewsByName) -> tuple[str, int]:
    """Of a case that asks about the true class: is the model wrong, what brings the truth out, and
    at which step.
    """
    label_curve, first_class_curve = result["insertion"], result[f"insertion {FIRST}"]
    label, first_label, best = asked_about(case), first_class(result), best_step(label_curve)
    if not first_label:
        return (
            f"The model gets this image right: “{label}” ({label_curve.y[-1]:.2f}). There is no "
            "error to "
            "explain."
        ), best
    words = (
        f"The model says “{first_label}” ({first_class_curve.y[-1]:.2f}) instead of “{label}” "
        f"({label_curve.y[-1]:.3f}). "
    )
    if best == len(label_curve.x) - 1:
        words += f"No part shown in the order found gives “{label}” more than the whole does."
    elif best == 0:
        words += (
            f"With every region hidden “{label}” has {label_curve.y[0]:.2f}, and no part shown "
            "in the "
            "order found gives it more."
        )
    else:
        words += (
            f"With only {100 * label_curve.x[best]:.0f} % of the image shown, “{label}” reaches "
            f"{label_curve.y[best]:.2f} and “{first_label}” has "
            f"{first_class_curve.y[best]:.2f}: what is left out there "
            "misleads."
        )
    return words, best


def best_step(curve: Curve) -> int:
    """The first step at which the target is as good as most probable: NEAR of its highest."""
    return int((curve.y >= NEAR * curve.y.max()).argmax())


def at_step(case: ImageCase, result: ViewsByName, step: int) -> str:
    """What the model says with so many regions shown, and with these hidden."""
    insertion, deletion = result["insertion"], result["deletion"]
    other = first_class(result)
    other_text = f" (“{other}” {result[f'insertion {FIRST}'].y[step]:.2f})" if other else ""
    return (
        f"{step} of {len(insertion.x) - 1} regions ({100 * insertion.x[step]:.0f} %): "
        f"“{asked_about(case)}” {insertion.y[step]:.2f} with only these{other_text}, "
        f"{deletion.y[step]:.2f} "
        f"without, {insertion.y[-1]:.2f} whole."
    )


def passes(result: ViewsByName) -> str:
    """What the search cost."""
    pass_count, greedy_pass_count = result["looks"].values
    return (
        f"{pass_count:.0f} forward passes; the plain greedy search takes {greedy_pass_count:.0f} "
        f"({greedy_pass_count / pass_count:.2f} × as many), whose order is better on some "
        "images and worse on "
        "others. With as many pending as there are regions it is the plain search."
    )


def asked_about(case: ImageCase) -> str:
    """The name of the class that is asked about."""
    return case.model.labels[case.target.index]


def first_class(result: ViewsByName) -> str:
    """The class that the model sees in the whole image; "" where it is the one asked about.

    Only the answer knows it. Its question has the model's class names in its digest, so it is never
    that of a model with other names.
    """
    first: str = result[f"insertion {FIRST}"].y_label
    return "" if first == result["insertion"].y_label else first


# ---------------------------------------------------------------- beside other orders


def random_order_range(areas: Table) -> str:
    """Between which areas random orders of the regions lie."""
    ends = [f"{way} {areas[way].min():.3f} to {areas[way].max():.3f}" for way in areas.order]
    return (
        f"Areas under the curves of {len(areas)} random orders: {', '.join(ends)}. An order says "
        "something only where it is outside of these."
    )


def better(result: ViewsByName, band: ViewsByName) -> str:
    """Whether the areas of a search leave what random orders give."""
    inserted, deleted = (result["areas"][way] for way in ("insertion", "deletion"))
    random_areas = band["areas"]
    above, below = (
        inserted > random_areas["insertion"].max(),
        deleted < random_areas["deletion"].min(),
    )
    orders = f"better than all of {len(random_areas)} random orders"
    if above and below:
        return f"Insertion ({inserted:.3f}) and deletion ({deleted:.3f}) are both {orders}."
    if above or below:
        return f"Only {'insertion' if above else 'deletion'} is {orders}."
    return f"Neither insertion nor deletion is {orders}: this order says little."


def best_orders(areas: Table) -> str:
    """Which order shows best, and which hides best; "" of no order at all."""
    if not len(areas):
        return ""
    high, low = int(areas["insertion"].argmax()), int(areas["deletion"].argmin())
    return (
        f"{areas.rows[high]} has the largest area under insertion "
        f"({areas['insertion'][high]:.3f}), {areas.rows[low]} the smallest under deletion "
        f"({areas['deletion'][low]:.3f})."
    )
