"""Many networks of one recipe: originals, oracles, and what half of the images teaches."""
