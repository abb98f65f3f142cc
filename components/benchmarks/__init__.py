"""The view Benchmarks: POPE and CHAIR on scenes, and on a person's own answers and captions."""
