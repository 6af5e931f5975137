"""Laws of the package ``daw_bridge``."""
