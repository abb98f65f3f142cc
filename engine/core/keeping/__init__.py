"""What is kept: answers on the disk and in memory, and what a thing works out once."""
