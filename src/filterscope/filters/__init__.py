"""Filters as numbers: banks, histories, and what is computed from them. numpy and the standard library only."""
