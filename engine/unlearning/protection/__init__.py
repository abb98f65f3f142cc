"""Protection: training images changed so that a network is to learn nothing useful."""
