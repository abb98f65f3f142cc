"""COCO's eighty things as words of a caption: for CHAIR on captions of photographs.

The table was written for this house from the eighty names and from what English calls such things;
its lines are not those of CHAIR's authors, so figures near a boundary may differ from theirs.
Their exceptions are kept: two words that name one thing are joined ("hot dog"), a baby or an adult
animal is the animal, a passenger jet is a jet, a bow tie is a tie, a toilet's seat is no chair.
"""

import re
from collections.abc import Iterator
from functools import cache

from engine.evaluation.language.chair import Vocabulary

SYNONYMS = {
    "person": "people man woman boy girl child kid baby toddler infant adult lady guy gentleman "
    "player rider skier snowboarder surfer skateboarder pedestrian passenger worker driver chef "
    "cook waiter waitress student teacher tourist spectator audience crowd bride groom father "
    "mother son daughter brother sister policeman officer soldier farmer batter pitcher catcher "
    "umpire cyclist biker swimmer shopper customer family",
    "bicycle": "bike",
    "car": "automobile sedan suv minivan taxi cab convertible hatchback jeep",
    "motorcycle": "motorbike moped scooter",
    "airplane": "plane aircraft jet airliner jetliner aeroplane biplane",
    "bus": "coach minibus trolleybus",
    "train": "locomotive tram subway",
    "truck": "lorry pickup van trailer",
    "boat": "ship sailboat yacht canoe kayak ferry rowboat raft dinghy gondola barge vessel",
    "traffic light": "stoplight",
    "fire hydrant": "hydrant",
    "stop sign": "",
    "parking meter": "",
    "bench": "pew",
    "bird": "pigeon seagull gull duck goose swan parrot owl eagle hawk sparrow crow pelican "
    "flamingo ostrich penguin robin heron peacock",
    "cat": "kitten kitty",
    "dog": "puppy pup poodle retriever labrador terrier beagle bulldog dachshund",
    "horse": "pony foal colt mare stallion",
    "sheep": "lamb ewe ram",
    "cow": "cattle bull calf ox steer",
    "elephant": "",
    "bear": "panda cub",
    "zebra": "",
    "giraffe": "",
    "backpack": "rucksack knapsack",
    "umbrella": "parasol",
    "handbag": "purse",
    "tie": "necktie bowtie",
    "suitcase": "luggage baggage briefcase",
    "frisbee": "",
    "skis": "ski",
    "snowboard": "",
    "sports ball": "ball",
    "kite": "",
    "baseball bat": "bat",
    "baseball glove": "glove mitt",
    "skateboard": "longboard",
    "surfboard": "",
    "tennis racket": "racket racquet",
    "bottle": "",
    "wine glass": "goblet",
    "cup": "mug teacup",
    "fork": "",
    "knife": "",
    "spoon": "",
    "bowl": "",
    "banana": "",
    "apple": "",
    "sandwich": "burger hamburger cheeseburger sub panini",
    "orange": "tangerine clementine",
    "broccoli": "",
    "carrot": "",
    "hot dog": "hotdog",
    "pizza": "",
    "donut": "doughnut",
    "cake": "cupcake cheesecake shortcake",
    "chair": "armchair stool seat recliner",
    "couch": "sofa loveseat settee",
    "potted plant": "houseplant",
    "bed": "mattress",
    "dining table": "table desk",
    "toilet": "urinal commode",
    "tv": "television monitor",
    "laptop": "notebook",
    "mouse": "",
    "remote": "",
    "keyboard": "",
    "cell phone": "cellphone phone smartphone telephone iphone",
    "microwave": "",
    "oven": "stove",
    "toaster": "",
    "sink": "washbasin",
    "refrigerator": "fridge freezer",
    "book": "novel paperback",
    "clock": "",
    "vase": "",
    "scissors": "",
    "teddy bear": "teddybear teddy",
    "hair drier": "hairdryer blowdryer",
    "toothbrush": "",
}
ANIMALS = ("bird", "cat", "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe")
YOUNG = (*ANIMALS, "duck", "goose", "penguin", "panda")
PAIRS = {  # two words for one thing that no name of the eighty has
    "motor bike": "motorcycle", "motor cycle": "motorcycle", "air plane": "airplane",
    "passenger jet": "jet", "passenger train": "train", "passenger plane": "plane",
    "bow tie": "tie", "toilet seat": "toilet", "suit case": "suitcase", "hand bag": "handbag",
    "mobile phone": "cell phone", "smart phone": "cell phone", "hair dryer": "hair drier",
    "blow dryer": "hair drier", "tennis racquet": "tennis racket", "stop light": "traffic light",
    "traffic signal": "traffic light", "soccer ball": "sports ball", "tennis ball": "sports ball",
    "tooth brush": "toothbrush", "laptop computer": "laptop", "stuffed bear": "teddy bear",
    "remote control": "remote", "computer mouse": "mouse", "baseball mitt": "baseball glove",
    "water bottle": "bottle", "potted flower": "potted plant", "house plant": "potted plant",
}  # fmt: skip
NOTHING = (  # holds the name of a thing, and is another one
    "train track", "train station", "home plate", "car seat", "bus stop", "bus station",
    "book case", "book shelf", "baseball field", "baseball game", "football field",
)  # fmt: skip
IRREGULAR = {
    "man": "men", "woman": "women", "gentleman": "gentlemen", "policeman": "policemen",
    "child": "children", "knife": "knives", "goose": "geese", "calf": "calves", "ox": "oxen",
    "mouse": "mice", "person": "persons", "kitty": "kitties",
}  # fmt: skip
SAME = {"sheep", "people", "cattle", "luggage", "baggage", "scissors", "skis", "broccoli",
        "aircraft"}  # fmt: skip
OWNED = r"['’][sS]\b"  # a word of its own, as the authors' tokenizer has it
WORD = re.compile(rf"[^\W_]+(?:(?!{OWNED})['’][^\W_]+)*|{OWNED}")
NAMES = tuple(SYNONYMS)


def plural(word: str) -> str:
    """Of one English word that names a thing; itself where it has none."""
    if word in SAME:
        return word
    if word in IRREGULAR:
        return IRREGULAR[word]
    if re.search(r"[^aeiou]y$", word):
        return f"{word[:-1]}ies"
    return f"{word}es" if re.search(r"(s|x|z|ch|sh)$", word) else f"{word}s"


def forms(words: str) -> Iterator[str]:
    """One thing and many: the last word has the plural."""
    *first, last = words.split()
    for form in dict.fromkeys((last, plural(last))):
        yield " ".join([*first, form])


@cache
def vocabulary() -> Vocabulary:
    """Every word and pair of words to the thing it names."""
    nodes = {
        form: name
        for name, synonyms in SYNONYMS.items()
        for word in (name, *synonyms.split())
        for form in forms(word)
    }
    pairs = {name: name for name in SYNONYMS if " " in name} | PAIRS
    pairs |= {name: name for name in NOTHING}
    pairs |= {f"{age} {animal}": animal for age in ("baby", "adult") for animal in YOUNG}
    doubles = {
        (first, second): noun
        for pair, noun in pairs.items()
        for first, second in (form.split() for form in forms(pair))
    }
    return Vocabulary(nodes, doubles, parts={"seat": "toilet", "seats": "toilet"})


def tokenize(caption: str) -> list[str]:
    """A caption's words in lower case, without punctuation; a possessive 's is one of them."""
    return [word.lower() for word in WORD.findall(caption)]


def node_of(name: str) -> str:
    """Which of the eighty a name means, "" for none: "Dogs" is a dog."""
    words = tokenize(name.replace("_", " "))
    lexicon = vocabulary()
    joined = lexicon.doubles.get((words[0], words[1])) if len(words) == 2 else None
    return lexicon.nodes.get(joined or " ".join(words), "")
