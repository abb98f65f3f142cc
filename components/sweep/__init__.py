"""The view Sweep: many images, models, methods and settings at once."""
