"""What a machine thinks that annotators will answer: what it looks at, how it weighs that, and when it is
silent.

It knows nothing of Argilla. ``features`` turns a record into numbers, ``scorer`` weighs them, ``learning``
makes a scorer from decisions, ``choice`` says what is shown.
"""
