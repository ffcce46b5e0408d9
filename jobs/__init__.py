"""The life of a job, from the request to the finished file. Knows no bpy and nothing of scenes."""

from .engine import Engine, Settings
from .ledger import Ledger, LedgerError
from .model import Job, Problem, Result, State, Step

__all__ = ["Engine", "Job", "Ledger", "LedgerError", "Problem", "Result", "Settings", "State", "Step"]
