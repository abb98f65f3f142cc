"""The view Which explanation?: eight explainers, and which of them predicts what matters."""
