"""The view Generator: a model that draws digits forgets one of them."""
