"""The view Tilted boundary: accuracy and adversarial strength are two things."""
