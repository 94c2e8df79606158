"""The language model that writes the bot's answers: trained on what people said of them, judged, released."""
