"""The view Study: ten explainers on images of known truth, measured and ranked."""
