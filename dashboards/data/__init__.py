"""What the page shows, read from the state folder, without Streamlit. A damaged file becomes a notice."""
