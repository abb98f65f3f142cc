"""A vision-language model small enough to be trained here, on scenes whose truth is known."""
