"""Laws of the package ``bench``."""
