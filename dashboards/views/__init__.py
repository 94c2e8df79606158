"""The other pages, one file each. (Streamlit would take a folder named pages for scripts of its own.)"""
