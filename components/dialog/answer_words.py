"""An answer's words: what is known of each, and which of them is looked into first."""

from collections.abc import Sequence

from components.widgets.words import AnswerWord
from engine.core.result import Tokens
from engine.core.result.words import INSIDE
from engine.evaluation.language.claims import Claims, naming, telling


def first_place(words: Sequence[str], claims: Claims | None) -> int:
    """An invented thing, else any thing; of a short answer its yes, no or color."""
    if claims is not None and claims.mentions and claims.kind == "caption":
        return min(claims.mentions, key=lambda mention: (mention.true, mention.place)).place
    short = claims is not None and claims.kind != "caption"
    places = telling(words) if short else naming(words) or telling(words)
    return places[-1 if short else 0] if places else 0


def marked(tokens: Tokens, claims: Claims | None, picked: Sequence[int]) -> list[AnswerWord]:
    kinds, notes = {}, {}
    for mention in claims.mentions if claims and claims.kind == "caption" else ():
        kinds[mention.place] = (
            "invented" if not mention.true else "again" if mention.again else "true"
        )
        notes[mention.place] = {
            "invented": f"there is no {mention.node}",
            "again": f"{mention.node}, named before",
            "true": f"the {mention.node} is there",
        }[kinds[mention.place]]
    if claims is not None and claims.right is not None:
        for place, word in enumerate(tokens.words):
            if word.lower() in {"yes", "no"} or claims.kind == "color":
                kinds[place] = "true" if claims.right else "invented"
                notes[place] = "right" if claims.right else "wrong"
    return [
        AnswerWord(
            word.removeprefix(INSIDE),
            float(share),
            kinds.get(at, ""),
            notes.get(at, ""),
            at in picked,
        )
        for at, (word, share) in enumerate(zip(tokens.words, tokens.probability, strict=True))
    ]
