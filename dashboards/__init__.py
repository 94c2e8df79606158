"""The Streamlit page.

What other rooms may use stands in __init__.pyi. Each name is loaded when it is first used (PEP 562).
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
