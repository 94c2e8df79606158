"""From decisions to what is trained on and what is asked."""
