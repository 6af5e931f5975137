"""Laws that the project keeps; one file per source file, and a few for the whole."""
