"""The chat page: answers, the live bot, and the turns it hands to Argilla."""
