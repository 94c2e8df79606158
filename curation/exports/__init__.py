"""What clayloop holds, as tables: files in common formats, and datasets on the Hugging Face Hub."""
