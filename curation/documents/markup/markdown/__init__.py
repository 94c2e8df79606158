"""Markdown and its dialects, on markdown-it: small plug-ins make tokens, one reader makes blocks of them."""
