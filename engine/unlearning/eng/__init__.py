"""ENG: Towards Poisoning Fair Representations."""
