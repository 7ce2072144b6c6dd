"""What is checked of the results, in words for the Dagster UI."""
