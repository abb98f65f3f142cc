"""What Ask and Decoding share: the image, the model, the prompt, and the words of an answer."""
