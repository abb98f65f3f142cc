"""The sections of Robustness: one attack, an order, success by length, and asking alone."""

from dataclasses import replace

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from components.case_form import CaseForm
from components.draw.drawing import draw
from components.draw.maps import draw_maps
from components.exports import python_call
from components.forms import method_form, refuse_links
from components.notices import show_problems
from components.robustness import drawings
from components.robustness.form import KEY, AttackQuestion, choose_order, choose_ordered, is_small
from components.robustness.key_points import CONTROL, KEY_POINTS
from components.robustness.steps import step_by_step
from components.section import Section
from components.sidebar.subject import Subject
from components.widgets.viewer import Panel
from engine.attribution.one_class import refuse_one_class
from engine.attribution.quadattack.many_images import AttackedImagesCase, attacked_data
from engine.attribution.quadattack.order_success import OrderedSuccess
from engine.attribution.quadattack.ordered_case import OrderedCase
from engine.attribution.safecv.method import SafeCV
from engine.core.charts.drawing import Drawing, Views
from engine.core.run import Answer


def picture(result: Views, key: str) -> None:
    draw(drawings.PICTURES, result, key)


def show(question: AttackQuestion, chosen_subject: Subject, rest: DeltaGenerator) -> Answer | None:
    case = question.case
    label = case.model.labels[case.target.index]
    return Section(
        KEY,
        question.method,
        case,
        f"How small a change makes the model stop saying “{label}”?",
        picture=lambda result: picture(result, f"{KEY}.pictures"),
        evidence=(
            step_by_step(question, f"{KEY}.player"),
            drawings.CLASSES,
            drawings.MARGIN,
            drawings.FIGURES,
        ),
        below=rest,
        known=question.known,
        script=lambda: python_call(question.method, chosen_subject, "figures", case.target),
    ).show()


def in_your_order(question: AttackQuestion) -> Answer | None:
    """The classes that a person lists, said in that order."""
    st.subheader("In your order")
    with show_problems():
        refuse_one_class(question.case.model)
        return find_order(question)


def find_order(question: AttackQuestion) -> Answer | None:
    answer, controls = st.container(), st.container()
    with controls:
        order, method = choose_order(question), choose_ordered(question)
    if not order:
        st.info("Choose at least one class that the model is to say.")
        return None
    labels = question.case.model.labels
    with answer, show_problems():
        case = OrderedCase(question.case, order)
        return Section(
            f"{KEY}.order",
            method,
            case,
            f"Can it be made to say {', '.join(labels[index] for index in order)}?",
            picture=lambda result: picture(result, f"{KEY}.order.pictures"),
            evidence=(
                step_by_step(question, f"{KEY}.order.player"),
                drawings.CLASSES,
                drawings.SEARCH,
                drawings.OF_ORDER,
            ),
            below=controls,
            button="" if is_small(question.case) else "Make it say this",
            before=f"The image is changed a little, {method.searches * method.steps} times, "
            "until the model ranks these classes first, in this order.",
            known=question.known,
        ).show()


def by_length(question: AttackQuestion) -> None:
    st.subheader("Longer and longer lists")
    form = CaseForm(AttackedImagesCase, f"{KEY}.length")
    count = form.ask("count")
    model, method = question.case.model, OrderedSuccess()
    with show_problems():
        case = AttackedImagesCase(model, attacked_data(model), count, question.case.seed)
        ask_by_length(question, method, case, form)


def ask_by_length(
    question: AttackQuestion, method: OrderedSuccess, case: AttackedImagesCase, form: CaseForm
) -> None:
    model, count = case.model, case.count
    Section(
        f"{KEY}.length",
        method,
        case,
        f"How often does each attack find a list of K classes, on {count} images?",
        evidence=(drawings.SUCCESS, drawings.SIZE, drawings.OWN_SIZE),
        button="Attack them all",
        before=f"Three attacks with the same {method.steps} steps on images of "
        f"{case.data.card.title}, for lists of up to "
        f"{method.lengths(len(model.labels))[-1]} classes. It can be stopped.",
        known=form.known({"model": model.name, "seed": question.case.seed}),
    ).show()


def by_asking(question: AttackQuestion, chosen_subject: Subject) -> None:
    st.subheader("By asking alone")
    answer, controls = st.container(), st.container()
    with controls, st.popover("How the game is played"):
        refuse_links(SafeCV, f"{KEY}.SafeCV", question.case)
        method = method_form(SafeCV, f"{KEY}.SafeCV", question.case)
    with answer:
        Section(
            f"{KEY}.few", method, question.case, "How few pixels are enough?",
            picture=lambda result: picture(result, f"{KEY}.few.pictures"),
            evidence=(
                CONTROL, KEY_POINTS, drawings.SEVERITY,
                Drawing("saliency before", "Where it looked for pixels, before and after it "
                        "learned", by=lambda result: draw_maps(
                    [Panel("before", result["saliency before"]),
                     Panel("after", result["saliency after"])], chosen_subject, f"{KEY}.points",
                )),
            ),
            detail=draw_tree, below=controls,
            button="" if is_small(question.case) else "Play",
            before=f"A tester without gradients changes pixels near key points and asks again, "
            f"at most {method.queries} times; and as often with pixels drawn anywhere.",
            known=question.known,
            script=lambda: python_call(method, chosen_subject, "game", question.case.target),
        ).show()  # fmt: skip


def draw_tree(result: Views) -> None:
    with st.expander(drawings.TREE.title):
        draw(replace(drawings.TREE, title=""), result, f"{KEY}.tree")
