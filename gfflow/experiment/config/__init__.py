"""Config files: read, overridden, validated. No JAX."""
