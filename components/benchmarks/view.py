"""Benchmarks: the sentence, POPE and CHAIR side by side, controls, rows, and one's own files."""

from math import isfinite, nan

import streamlit as st

from components import runs, section
from components.benchmarks import charts, own, rows
from components.benchmarks.charts import SIDE, Answers, by_split, chair_table, split_dots
from components.benchmarks.form import KEY, Cases, choose
from components.draw.drawing import draw
from components.folded import folded
from components.footer import Entry, add_entry
from components.notices import escape_markdown, show_problems
from components.runs import Outcome
from components.section import Section
from components.share import Files
from engine.core.charts.drawing import Drawing
from engine.core.method import Method
from engine.core.run import Answer
from engine.evaluation.language.polling import Poll, as_lines
from engine.hallucination import CHAIR, POPE, ScenesCase
from engine.vision.data.sprites import CATEGORIES


def show() -> None:
    answer, controls = st.container(), st.container()
    cases: Cases = {}
    polls: Answers = {}
    captions: Answers = {}
    with answer, show_problems():
        with controls:
            st.divider()
            cases = choose()
        polls, captions = show_answers(cases)
    closer(cases, polls, captions)
    st.divider()
    own.show()
    show_offers(POPE(), cases, polls)
    show_offers(CHAIR(), cases, captions)


def show_answers(cases: Cases) -> tuple[Answers, Answers]:
    if not cases:
        st.info("Choose at least one decoding to see what it makes up.")
        return {}, {}
    count = next(iter(cases.values())).count
    sentence = st.container()
    pope_column, chair_column = st.columns(2, gap="large")
    with pope_column:
        label = f"Ask POPE's questions about {count} scenes"
        polls = ask(POPE(), cases, f"{KEY}.pope", label)
        some = {name: poll for name, poll in polls.items() if poll["rates"]["questions"].any()}
        polls, unasked = some, {name: poll for name, poll in polls.items() if name not in some}
        if unasked:
            st.info("No scene has three things to ask for: choose more scenes.")
        if polls:
            drawing = split_dots(polls, "accuracy", "POPE: right answers")
            draw(drawing, {SIDE: by_split(polls, "accuracy")}, f"{KEY}.accuracy")
            st.caption(charts.scenes_words(polls, count))
    with chair_column:
        label = f"Describe {count} scenes for CHAIR"
        captioned = {name: case for name, case in cases.items() if not case.lacks("captions")}
        captions = ask(CHAIR(), captioned, f"{KEY}.chair", label)
        if captions:
            drawing = Drawing(
                "rates",
                "CHAIR: what is named, what is made up",
                lambda result: charts.trade(result["rates"]),
                lambda result: charts.trade_words(result["rates"]),
            )
            draw(drawing, {"rates": chair_table(captions)}, f"{KEY}.trade")
    if finding := sentence_of(polls, captions):
        sentence.header(escape_markdown(finding))
    return polls, captions


def ask(method: Method[ScenesCase], cases: Cases, slot: str, label: str) -> Answers:
    if not cases:
        return {}
    outcomes: dict[str, Outcome] = runs.ask_all_when_told(method, cases, slot, label)
    runs.watch(list(outcomes.values()))
    return {name: outcome for name, outcome in outcomes.items() if isinstance(outcome, Answer)}


def sentence_of(polls: Answers, captions: Answers) -> str:
    parts: list[str] = []
    company = " of likely things that are absent"
    named = " of what it names"
    for name in list(dict.fromkeys([*polls, *captions]))[:2]:
        clauses = []
        lied = polls[name]["rates"]["false yes"][-1] if name in polls else nan
        invented = captions[name]["rates"]["CHAIR_i"][0] if name in captions else nan
        if isfinite(lied):
            clauses.append(f"{'says yes to ' if company else ''}{100 * lied:.0f} %{company}")
            company = ""
        if isfinite(invented):
            clauses.append(f"{'makes up ' if named else ''}{100 * invented:.0f} %{named}")
            named = ""
        if clauses:
            parts.append(f"{name} {' and '.join(clauses)}")
    return f"{'; '.join(parts)}." if parts else ""


def closer(cases: Cases, polls: Answers, captions: Answers) -> None:
    if polls:
        folded("POPE question by question", f"{KEY}.polls.open", lambda: rows.polls(polls, cases))
    if captions:
        folded(
            "CHAIR caption by caption",
            f"{KEY}.captions.open",
            lambda: rows.captions(captions, cases),
        )
    if polls:
        folded(
            "F1, yes-ratio, logits, and what goes together", f"{KEY}.more.open", lambda: more(polls)
        )


def more(polls: Answers) -> None:
    for rate, title, line in (("F1", "F1", None), ("yes-ratio", "Share of yes", 50.0)):
        draw(split_dots(polls, rate, title, line), {SIDE: by_split(polls, rate)}, f"{KEY}.{rate}")
    for name, answer in polls.items():
        st.markdown(escape_markdown(f"{name}: {logit_words(answer)}"))
        draw(charts.matrix(), answer, f"{KEY}.matrix.{name}")


def logit_words(answer: Answer) -> str:
    rates = answer["rates"]
    said_shares, logits = (
        " / ".join(f"{100 * share:.0f}" for share in rates[name])
        for name in ("accuracy", "accuracy by logits")
    )
    other, neither = (f"{rates[name].sum():.0f}" for name in ("decided otherwise", "neither"))
    caught = 100 * float(answer["amber"]["F1"][0])
    return (
        f"right answers in words {said_shares} %, by the model's own logits {logits} %; they "
        f"differ in {other} answers. {neither} answers are neither yes nor no and count as yes. "
        f"AMBER's F1, of the no: {caught:.0f} %."
    )


def show_offers(method: Method[ScenesCase], cases: Cases, answers: Answers) -> None:
    for name, answer in answers.items():
        answer_section = Section(
            f"{KEY}.{method.name}.{name}",
            method,
            cases[name],
            f"{method.title}: {name}",
            evidence=(Drawing("rates", "All figures"),),
        )
        section.show_footer(
            answer_section, section.view_offer(answer_section, answer, files(answer))
        )
    if not answers:
        add_entry(Entry(method.title, type(method)))


def files(answer: Answer) -> Files:
    if "questions" not in answer:
        return {}
    questions = answer["questions"]
    polls = [
        Poll(int(scene), CATEGORIES[int(category)], bool(present))
        for scene, category, present in zip(
            questions["scene"], questions["thing"], questions["there"], strict=True
        )
    ]
    return {
        "questions.jsonl": lambda: as_lines(polls),
        "questions-as-published.jsonl": lambda: as_lines(polls, published=True),
    }
