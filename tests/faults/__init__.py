"""Parts that fail while a command is under way. A package, so that its gateway ends with its last test."""
