"""The view Which explanation?: eight explainers, and which of them foretells what matters."""
