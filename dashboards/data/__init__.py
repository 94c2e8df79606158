"""What the pages show, read from where the other rooms wrote it: typed, without Streamlit, and never raising
for one damaged file."""
