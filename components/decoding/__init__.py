"""The view Decoding: how words are chosen, and whether less is made up then."""
