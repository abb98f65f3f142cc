"""Vision-language models of the library transformers, behind `engine.vision.language.vlm.VLM`.

The library's own layers compute; what is ours is the order in which they are called, so that a
cache may be thinned out layer by layer, attention may be seen and changed, and a pass may end
early. Nothing of the library is imported before a model is loaded: that takes seconds.
"""
