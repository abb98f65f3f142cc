"""Protocol: how well a way to forget did, beside a model that never saw the images."""
