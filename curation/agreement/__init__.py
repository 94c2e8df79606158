"""How far annotators agree, and what follows where they do not. It knows nothing of Argilla."""
