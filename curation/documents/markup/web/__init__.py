"""Pages of the web: HTML in files, and as servers send it."""
