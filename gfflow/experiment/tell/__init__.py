"""What is told of a run: tables, reports, progress."""
