"""From a question to chunks: embedding, index, reranker, and the score from which a question is answered."""
