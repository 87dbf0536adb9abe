"""ringwall.yaml: declared, read, checked."""
