"""argilla_lite under load: queries over many records, bulk logging beside annotating, starts, memory."""
