"""The view Familiar?: how unusual an image is to the model, among normal ones."""
