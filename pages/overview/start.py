"""Start: one image, and a short answer to each question that it can be asked."""

from components.start import view

view.show()
