"""Laws of the package ``training``."""
