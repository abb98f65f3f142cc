"""The kinds of trial that `make hostile` does, by name: where each class is."""

from importlib import import_module

from tests.hostile.trials import TrialKind

KINDS = {
    "files": "tests.hostile.files:FileTrials",
    "own-files": "tests.changed_files:OwnFileTrials",
    "links": "tests.links.trials:LinkTrials",
    "deep-links": "tests.links.trials:DeepLinkTrials",
    "kept-links": "tests.links.trials:KeptLinkTrials",
}


def kind_of_trial(name: str) -> TrialKind:
    module, _, word = KINDS[name].partition(":")
    trial: TrialKind = getattr(import_module(module), word)()
    return trial
