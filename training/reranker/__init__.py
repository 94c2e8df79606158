"""The reranker: a cross-encoder trained from the same decisions, and the contest that says whether it is released.

``aside`` keeps the contest's questions from training, ``pairs`` says what it learns from, ``fit`` trains it, ``reading``
applies it to many questions, ``contest`` decides, and ``step`` is the run's step that does all of it.
"""
