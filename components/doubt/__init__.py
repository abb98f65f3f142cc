"""The view Confusion or ignorance: what kind of doubt an image raises."""
