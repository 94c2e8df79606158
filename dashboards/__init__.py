"""The Streamlit pages that maintainers watch."""
