"""Controls and pictures of our own, drawn in the browser by a little CSS and JavaScript."""
