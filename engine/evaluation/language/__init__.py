"""What captions and answers are worth: CHAIR, POPE, BEAF, claims, scenes."""
