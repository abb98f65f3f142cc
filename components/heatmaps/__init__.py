"""The view Heatmaps: which part of the image the score rests on."""
