"""Heat maps: what in the image the answer rests on, a value for each pixel."""
