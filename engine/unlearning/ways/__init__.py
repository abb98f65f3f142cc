"""Ways to forget: the unlearners, and the scores of weights that some of them use."""
