"""Benchmarks of reader studies."""
