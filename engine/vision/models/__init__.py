"""Models as the app sees them: pixels in, logits out, borrowed and given back unchanged."""
