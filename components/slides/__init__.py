"""The view Slides: which tiles of a slide make a network give its label."""
