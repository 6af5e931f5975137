"""Laws of the package ``generator``."""
