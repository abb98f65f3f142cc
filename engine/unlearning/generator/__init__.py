"""A generator that draws digits on request, and forgets to draw one of them."""
