"""The page of stories: which there are, and one of them step by step on a large screen.

Story and step stand in the link, so that reload and Back work. Nothing is computed: a step whose
answer does not ship says so.
"""

from pathlib import Path
from typing import Any

import streamlit as st

from components.charts.plots import slide
from components.draw.maps import first_screen
from components.notices import escape_markdown, show_problems
from components.picks import is_place
from components.stories.presenter import presenter
from components.stories.step import Story, StoryStep
from components.stories.told import STORIES, story
from components.views import START
from components.widgets.pictures import show_picture
from engine.core import run
from engine.core.run import Answer

SLIDE = Path(__file__).with_name("slide.css")
HEIGHT = 280  # px of a chart, before it is enlarged for the screen
LEFT = "stories.left"
LONGEST = 40  # letters of what a link asked for that are repeated


def show() -> None:
    if st.session_state.pop(LEFT, False):
        st.switch_page(START.path, query_params={})
    chosen_story = story(st.query_params.get("story", ""))
    if chosen_story is None:
        story_list()
    else:
        present(chosen_story)


def story_list() -> None:
    st.title("Stories")
    if requested := st.query_params.get("story", ""):
        words = f"There is no story called “{requested[:LONGEST]}”; choose one of these."
        st.info(escape_markdown(words), icon=":material/link_off:")
    st.markdown(
        "Three walks for a room, on a large screen. Arrow keys, the space bar or a presenter’s "
        "remote step; N shows what to say; Esc leaves. All answers ship with Blindspot."
    )
    for place, offered_story in zip(st.columns(len(STORIES), gap="large"), STORIES, strict=True):
        with place, first_screen(1, f"stories-{offered_story.name}"):
            story_card(offered_story)


def story_card(listed_story: Story) -> None:
    st.header(listed_story.title)
    step = listed_story.steps[listed_story.cover]
    if answers := step_answers(step):
        show_picture(listed_story.picture(*answers), step.title, width="stretch")
        st.markdown(f"**{escape_markdown(step.sentence(*answers))}**")
    st.caption(listed_story.about)
    st.link_button(
        f"Begin: {listed_story.title}", f"?story={listed_story.name}", icon=":material/slideshow:"
    )


def present(current_story: Story) -> None:
    at, problem = step_number(st.query_params.get("step", "1"), len(current_story.steps))
    step, notes = current_story.steps[at - 1], st.query_params.get("notes") == "1"
    st.html(SLIDE)
    st.title(step.title)
    if problem:
        st.info(escape_markdown(problem), icon=":material/link_off:")
    if notes:
        st.header(escape_markdown(step.note))
        next_title = current_story.steps[at].title if at < len(current_story.steps) else "the end"
        st.markdown(f"Next: {escape_markdown(next_title)}")
    else:
        with show_problems():
            draw_step(step, f"stories.{current_story.name}.{at}")
    presenter(current_story, at, move, leave_story, notes=notes)


def step_number(text: str, count: int) -> tuple[int, str]:
    """The number of the step that a link asks for; the first where there is none of that number,
    and why."""
    if is_place(text, 1, count):
        return int(text), ""
    return 1, f"The link asks for step “{text[:LONGEST]}”; this story has steps 1 to {count}."


def draw_step(step: StoryStep, key: str) -> None:
    answers = step_answers(step)
    if not answers:
        st.info("The answer to this step does not ship with this version; open it below.")
        return
    st.header(escape_markdown(step.sentence(*answers)))
    with st.container(key="slide"), slide(HEIGHT):
        step.picture(key, *answers)


def step_answers(step: StoryStep) -> list[Answer]:
    results = [run.kept_answer(*question) for question in step.asks()]
    return [result for result in results if result is not None] if all(results) else []


def move(state: Any) -> None:
    st.query_params["step"] = str(state)[:LONGEST]


def leave_story() -> None:
    st.session_state[LEFT] = True
