"""The view Before and after: does the answer follow the image when a thing is taken out?"""
