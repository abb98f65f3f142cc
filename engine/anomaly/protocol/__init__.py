"""Protocol: what a score is worth, from normal images that were held out."""
