"""The view Where is it odd?: the places of an image that normal images do not have."""
