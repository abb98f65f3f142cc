"""The view Certificates: how many poisoned training images an answer survives."""
