"""Search spaces: each module defines one `SPACE`. `load_space` finds a space by name or in a Python file."""

from .load import QUESTIONS as QUESTIONS
from .load import load_space as load_space
from .load import shipped as shipped
