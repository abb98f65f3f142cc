"""Decoding as a visitor meets it: a false yes that VCD takes back, and one that it cannot."""

import json
from io import StringIO

import pandas as pd
import pytest

from components import share
from components.decoding import half, sinks
from components.decoding.form import STORY, STUBBORN
from components.notices import escape_markdown
from components.views import DECODING
from engine.commands import gallery
from engine.commands.openings import hallucination as opening
from engine.core import run
from engine.hallucination import STRATEGIES, VCD, Greedy, MaskLLM, Rates, ScenesCase, SCMoE, asking
from engine.hallucination.measures.comparison import summary
from engine.hallucination.measures.mask_llm import habit_words, models_words
from engine.hallucination.vasparse.attention_sinks import AttentionSinks
from engine.vision.language.tiny_vlm.weights import HABIT, HONEST, LONG, MIXTURE
from tests.visits import held_up, pills, problems, settled, unfolded, visit, words

LAMP = "is there a lamp"


def opened(*strategies, **link):
    query = {name.replace("__", "."): value for name, value in link.items()}
    if strategies:
        query["decoding.strategies"] = list(strategies)
    return visit(query, DECODING)


def text(method, number, model=HABIT, prompt=LAMP):
    return method(asking.about_scene(model, asking.scene("counter", number), prompt))["answer"].text


def test_the_scene_of_the_story_is_what_the_page_says_it_is():
    assert "lamp" not in {thing.category for thing in asking.scene("counter", STORY).things}
    assert text(Greedy(), STORY) == "yes"
    assert text(VCD(), STORY) == "no"
    assert text(Greedy(), STORY, HONEST) == "no"
    assert text(Greedy(), STUBBORN) == text(VCD(), STUBBORN) == "yes"


@pytest.fixture(scope="module")
def page():
    """As it opens; each test leaves it as it was."""
    return opened()


def test_the_page_opens_with_a_false_yes_that_vcd_takes_back(page):
    assert not problems(page)
    text = words(page)
    assert "Greedy says “yes”; VCD says “no”. There is no lamp in this scene." in text
    assert "**VCD** chose **“no”** as its first word." in text
    assert ":material/cancel: Wrong." in text
    assert ":material/check_circle: Right." in text
    assert "that much is habit" in text
    assert any(f"scene={STORY}" in block.value for block in page.main.code if "VCD" in block.value)
    for name, question in zip(("Greedy", "VCD"), opening.rate_questions(), strict=True):
        lies = gallery.shipped_answer(question)["rates"]["lie rate"][0]
        share = f"{100 * lies:.0f} % of the leaders"
        assert f"{name} adds the partner that is not there to {share}" in text
    assert not [widget for widget in page.main.button if widget.key == "decoding.rates.go"]
    unfit = pills(page, "decoding.strategies.unfit")
    assert unfit.disabled
    assert unfit.options == ["SCMoE"]
    assert "TinyVLM with a habit has no experts to choose among" in unfit.proto.label


def test_one_click_shows_a_lamp_that_vcd_does_not_mend_and_one_goes_back(page):
    at = page.button(key=f"decoding.example.{STUBBORN}").click().run()
    assert "Greedy and VCD say “yes”. There is no lamp in this scene." in words(at)
    assert "Contrasting cannot mend that" in words(at)
    at.button(key=f"decoding.example.{STORY}").click().run()
    assert "VCD says “no”" in words(at)


def test_without_strength_vcd_says_what_greedy_says(page):
    at = page.slider(key="decoding.VCD.alpha").set_value(0.0).run()
    assert "Greedy and VCD say “yes”" in words(at)
    at.slider(key="decoding.VCD.alpha").set_value(1.0).run()


@pytest.mark.parametrize("prompt", [LAMP, "describe the image"])
@pytest.mark.parametrize("some", [STRATEGIES[:4], STRATEGIES[4:8]])
def test_every_strategy_answers_side_by_side(some, prompt):
    fit = [kind for kind in some if prompt == LAMP or kind.name != "MVP"]
    at = opened(*(kind.title for kind in fit), decoding__ask=prompt)
    assert not at.error
    inner = [kind.title for kind in fit if kind.name not in {"Greedy", "Sampling"}]
    assert [tab.label for tab in at.main.tabs] == inner
    (explained,) = (box for box in at.main.expander if box.label == "What am I looking at?")
    for kind in fit:
        text = escape_markdown(kind.about()).replace("\\", "")
        assert text in [element.value.replace("\\", "") for element in explained.markdown]


def test_mvp_is_gray_for_a_caption_with_the_reason():
    unfit = pills(opened(decoding__ask="describe the image"), "decoding.strategies.unfit")
    assert unfit.disabled
    assert unfit.options == ["MVP", "SCMoE"]
    assert "it needs a question that is answered by yes or no" in unfit.proto.label


def test_scmoe_is_for_the_mixture_of_experts():
    link = {"decoding__model": asking.models()[MIXTURE], "decoding__SCMoE__rank": "5"}
    at = opened("Greedy", "SCMoE", **link)
    assert problems(at) == ["This model was not measured."]  # with every strategy
    assert [tab.label for tab in at.main.tabs] == ["SCMoE"]
    text = words(at)
    assert "Outlined: the weak one" in text
    assert "KL(strong ‖ weak) is" in text
    case = asking.about_scene(MIXTURE, asking.scene("counter", STORY), "describe the image")
    result = SCMoE(rank=None, beta=3.0)(case)  # with the strong experts as weak ones too
    assert result["answer"].text == Greedy()(case)["answer"].text


def test_a_link_sets_scene_strategies_and_settings():
    link = {"decoding__VCD__alpha": "2", "decoding__scene": "148"}
    at = opened("VCD", "DoLa", decoding__ask="is there a bird", **link)
    assert at.slider(key="decoding.VCD.alpha").value == 2.0
    assert "in this scene" in words(at)
    assert [tab.label for tab in at.main.tabs] == ["VCD", "DoLa"]
    bad = opened(decoding__strategies=["Greedy", "Guessing"], decoding__VCD__alpha="9")
    assert any("asks for “Guessing”" in sentence for sentence in problems(bad))


def test_no_strategy_and_an_unknown_word_are_sentences(page):
    at = page.text_input(key="decoding.ask").set_value("is there a dragon").run()
    assert any("dragon" in sentence for sentence in problems(at))
    assert "VCD says “no”" in words(at)
    at.text_input(key="decoding.ask").set_value(LAMP).run()
    pills(at, "decoding.strategies").set_value([]).run()
    assert any("Choose at least one strategy" in sentence for sentence in problems(at))
    pills(at, "decoding.strategies").set_value(["Greedy", "VCD"]).run()


def test_other_scenes_wait_for_a_button_and_are_then_counted():
    at = opened(decoding__scenes__count="25")
    button = at.button(key="decoding.rates.go")
    assert button.label.startswith("Count over 25 scenes: Greedy, VCD")
    button.click().run()
    assert not [widget for widget in at.main.button if widget.key == "decoding.rates.go"]
    settled(at)
    assert "Greedy adds the partner" in words(at)


def test_a_count_goes_on_while_the_page_is_drawn_again(monkeypatch):
    hold = held_up(monkeypatch, Rates)
    at = opened("Greedy", decoding__scenes__count="25", decoding__scenes__clean="true")
    at.button(key="decoding.rates.go").click().run()
    hold.begins(at)
    at.run()
    assert not hold.is_given_up(1)
    settled(at)


def test_a_press_that_overtakes_another_count_counts_that_one():
    at = opened("Greedy", decoding__scenes__count="200")
    at.number_input(key="decoding.scenes.count").set_value(25)
    at.toggle(key="decoding.scenes.clean").set_value(True)
    at.button(key="decoding.rates.go").click().run()
    assert not [widget for widget in at.main.button if widget.key == "decoding.rates.go"]
    settled(at)


def test_a_photograph_is_answered_without_a_truth():
    at = opened(decoding__image="Another image", decoding__ask="describe the image")
    assert not at.error
    assert "What is truly there is not known." in words(at)


def test_the_files_hold_words_steps_cost_and_record():
    case = asking.about_scene(HABIT, asking.scene("counter", STORY), LAMP)
    files = {name: make() for name, make in share.contents(run.answer(VCD(), case))}
    assert pd.read_csv(StringIO(files["answer.csv"]))["row"].tolist() == ["no"]
    assert {"strong.csv", "weak.csv", "final.csv"} <= set(files)
    strong = pd.read_csv(StringIO(files["strong.csv"]))
    best = strong[strong["place"] == 1].set_index("row")["value"]
    assert best["yes"] > best["no"]
    cost = pd.read_csv(StringIO(files["cost.csv"])).set_index("row")["value"]
    assert cost["forward passes"] == 2 * 2
    assert json.loads(files["record.json"])["settings"]["alpha"] == 1.0


def test_every_strategy_is_shown_with_the_figures_that_were_measured():
    at = unfolded(opened("Greedy"))
    table = next(frame.value for frame in at.main.dataframe if "OPERA" in frame.value.index)
    column = next(column for column in table.columns if str(column).startswith("false yes"))
    titles = {kind.name: kind.title for kind in STRATEGIES}
    for name, figures in summary(HABIT).items():
        measured = float(figures["false yes"].mean())
        assert float(table[column][titles[name]]) == pytest.approx(measured, abs=6e-4)
    assert "OPERA: a caption's largest φ" in words(at)


def test_where_attention_rests_is_counted_for_the_model_that_is_asked(monkeypatch):
    monkeypatch.setattr(sinks, "COUNT", 2)
    at = unfolded(opened("Greedy"))
    at = settled(at.button(key="decoding.sinks.AttentionSinks.go").click().run())
    case = ScenesCase(asking.model(HABIT), Greedy(), 2)
    result = run.answer(AttentionSinks(), case)
    assert AttentionSinks().finding(case, result) in words(at)
    top = [f"{100 * share:.0f} %" for share in result["shares"]["top 1 %"]]
    assert f"holds: layer 1 {top[0]}, layer 2 {top[1]}, layer 3 {top[2]}" in words(at)


def test_the_long_winded_model_describes_each_thing_in_a_sentence():
    at = opened("Greedy", decoding__model=asking.models()[LONG], decoding__ask="describe the image")
    answer = text(Greedy(), STORY, LONG, "describe the image")
    assert len(answer.split()) > 32
    assert answer.count(" .") == answer.count("color of it") + 1
    assert "measured on 3 draws of 100 scenes" in "".join(box.label for box in at.main.expander)


def test_words_that_vasparse_keeps_and_its_curve_are_on_the_page():
    at = opened("VASparse", decoding__ask="describe the image")
    assert "no word was dropped" in words(at)
    assert "CHAIR against the share kept" in words(at)
    link = {"compete": "all tokens", "source": "masked cache"}
    link = {f"decoding__VASparse__{name}": value for name, value in link.items()}
    at = opened("VASparse", decoding__ask="describe the image", **link)
    assert "Layer 1" in words(at)
    assert "~~the beginning~~" in words(at)


def test_the_half_of_the_weights_that_was_learned_answers_too(monkeypatch):
    monkeypatch.setattr(half, "METHOD", MaskLLM(steps=2, scenes=16))
    monkeypatch.setattr(half, "SCENES", 2)
    at = unfolded(opened("Greedy"))
    at = settled(at.button(key="decoding.half.MaskLLM.go").click().run())
    case = ScenesCase(asking.model(HABIT), Greedy(), 2, "biased")
    result = run.answer(half.METHOD, case)
    assert half.METHOD.finding(case, result) in words(at)
    assert f"{models_words(result['models'])} {habit_words(case)}" in words(at)
    assert "with the learned 2:4 mask “" in words(at)
