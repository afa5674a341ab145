"""The place where older scripts look for the file module."""

from moxing import file  # noqa: F401
