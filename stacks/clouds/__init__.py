"""Composition of the clouds: one module for each, loaded with its SDK only by a stack that names it."""
