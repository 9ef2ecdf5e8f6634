"""Recipes that make models: run from a checkout, never at run time."""
