"""What pyproject.toml cannot say: on PyPI the links of README.md lead to the repository."""

import re
from pathlib import Path

from setuptools import setup

HERE = "https://github.com/romboot/romboot/blob/main/"
readme = (Path(__file__).parent / "README.md").read_text(encoding="utf-8")

setup(
    long_description=re.sub(r"\]\((?!https?:|#)", f"]({HERE}", readme),
    long_description_content_type="text/markdown",
)
