"""Tests of the imported model."""
