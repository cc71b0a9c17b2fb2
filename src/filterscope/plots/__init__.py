"""Pictures of banks and histories: a file for each, and one list of them in ``kinds``."""
