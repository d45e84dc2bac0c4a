"""All tests: the folders with an __init__ have parts of their own, which end with their last test."""
