"""Reads the data of a Powerloom Protocol V2 network from an api, and checks here what it is told."""

from .client import Client, Point, Project
from .errors import WeftError

__all__ = ["Client", "Point", "Project", "WeftError"]
