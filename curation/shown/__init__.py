"""Text from documents, visitors and models where people see it: nothing of it loads or runs anything."""
