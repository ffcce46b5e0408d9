"""Puts small faults into the code, one at a time, and asks whether any test notices: `make mutants`.

    scripts/mutants.py [--rooms jobs api cli scene] [--count 30] [--seed 1] [--most 100]

A copy of the checkout gets all faults of a room at once, each behind a switch in the environment. The room's
tests run once with none switched on, which tells which test comes by which fault. Then each fault is switched
on alone, for the tests that come by it. The seed decides which faults are tried; `most` is how many tests may
notice each of them. A survivor is a fault that no test noticed; some of them change nothing that counts.
"""

from __future__ import annotations

import argparse
import ast
import copy
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
TESTS = {
    "api": ["tests/unit/api"],
    "jobs": ["tests/unit/jobs"],
    "cli": ["tests/unit/cli"],
    "scene": ["tests/blender", "tests/unit/scene"],
}
LONGEST = 300.0
"""Seconds after which a fault counts as noticed: the tests hang."""

SWITCH = """
import os as _os
_seen = set()
def _mutant(number):
    log, test = _os.environ.get("MUTANT_LOG"), _os.environ.get("PYTEST_CURRENT_TEST")
    if log and test and (number, test) not in _seen:
        _seen.add((number, test))
        with open(log, "a") as file:
            file.write(f"{number}\\t{test.rpartition(' (')[0]}\\n")
    return _os.environ.get("MUTANT") == str(number)
"""
"""Begins each file of the copy: whether a fault is switched on. It notes which test asks, in any process."""
WORDS = {"help", "metavar"}
"""Arguments that are for people to read only."""

SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
}


class Mutant(NamedTuple):
    """A fault: where it is, and what it makes of what stands there."""

    number: int
    path: Path
    line: int
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.before}  ->  {self.after}"


class Mutator(ast.NodeTransformer):
    """Puts faults into what functions of a file do; what is decided when it is imported stays.

    path: of the file. wanted: the numbers of the faults to put in, or None to find out which there are.
    first: the number of its first one.
    """

    def __init__(self, path: Path, first: int, wanted: set[int] | None = None) -> None:
        self.found: list[Mutant] = []
        self._path = path
        self._next = first
        self._wanted = wanted
        self._depth = 0

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self._depth += 1
        node.body = [made for line in node.body for made in self._statements(line)]
        self._depth -= 1
        return node

    def _statements(self, node: ast.stmt) -> list[ast.stmt]:
        made = self.visit(node)
        return made if isinstance(made, list) else [made]

    def visit_Expr(self, node: ast.Expr) -> ast.AST | list[ast.AST]:
        self.generic_visit(node)
        return self._dropped(node) if isinstance(node.value, ast.Call) else node

    def visit_Raise(self, node: ast.Raise) -> ast.AST | list[ast.AST]:
        self.generic_visit(node)
        return self._dropped(node)

    def _dropped(self, node: ast.stmt) -> ast.AST | list[ast.AST]:
        number = self._number(node, "pass")
        if number is None:
            return node
        return ast.If(test=_off(number), body=[node], orelse=[])

    def visit_If(self, node: ast.If) -> ast.AST:
        self.generic_visit(node)
        node.test = self._either(node.test, ast.Constant(value=False))
        return node

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        self.generic_visit(node)
        other = copy.deepcopy(node)
        other.ops = [SWAPS[type(node.ops[0])](), *node.ops[1:]]  # pyright: ignore[reportAttributeAccessIssue]
        return self._either(node, other)

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        self.generic_visit(node)
        other = copy.deepcopy(node)
        other.op = SWAPS[type(node.op)]()  # pyright: ignore[reportAttributeAccessIssue]
        return self._either(node, other)

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        if type(node.op) not in SWAPS:
            return node
        other = copy.deepcopy(node)
        other.op = SWAPS[type(node.op)]()  # pyright: ignore[reportAttributeAccessIssue]
        return self._either(node, other)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        self.generic_visit(node)
        return self._either(node, node.operand) if isinstance(node.op, ast.Not) else node

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if type(node.value) not in (int, float):
            return node
        return self._either(node, ast.Constant(value=node.value + 1))  # pyright: ignore[reportOperatorIssue]

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        made: ast.expr = node
        for at, keyword in enumerate(node.keywords):
            if keyword.arg is not None and keyword.arg not in WORDS:
                other = copy.deepcopy(node)
                del other.keywords[at]
                made = self._either(made, other, node)
        return made

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.AST:
        kinds = node.type
        for statement in list(node.body):
            at = node.body.index(statement)
            node.body[at : at + 1] = self._statements(statement)
        if isinstance(kinds, ast.Tuple):
            made: ast.expr = kinds
            for at in range(len(kinds.elts)):
                other = copy.deepcopy(kinds)
                del other.elts[at]
                made = self._either(made, other, kinds)
            node.type = made
        return node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        return node  # a switch cannot stand in the format of a number

    def visit_Match(self, node: ast.Match) -> ast.AST:
        for case in node.cases:  # no switch can stand in a pattern
            case.body = [made for line in case.body for made in self._statements(line)]
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        if node.value is not None:
            node.value = self.visit(node.value)
        return node

    def _either(self, node: ast.expr, other: ast.expr, shown: ast.expr | None = None) -> ast.expr:
        """`node`, or `other` while that fault is switched on."""
        number = self._number(shown or node, ast.unparse(other))
        if number is None:
            return node
        return ast.IfExp(test=_on(number), body=other, orelse=node)

    def _number(self, node: ast.AST, after: str) -> int | None:
        """The number of this fault where it is one to put in."""
        if not self._depth:
            return None
        number, self._next = self._next, self._next + 1
        if self._wanted is None:
            line = getattr(node, "lineno", 0)
            before = ast.unparse(node)
            self.found.append(Mutant(number, self._path, line, _short(before), _short(after)))
            return None
        return number if number in self._wanted else None


def _on(number: int) -> ast.expr:
    return ast.Call(
        func=ast.Name(id="_mutant", ctx=ast.Load()), args=[ast.Constant(value=number)], keywords=[]
    )


def _off(number: int) -> ast.expr:
    return ast.UnaryOp(op=ast.Not(), operand=_on(number))


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 70 else f"{text[:67]}..."


def files(room: str) -> Iterator[Path]:
    """The files of a room, in an order that does not change."""
    return (path.relative_to(ROOT) for path in sorted((ROOT / room).rglob("*.py")))


def chosen(room: str, count: int, seed: int) -> list[Mutant]:
    """So many of the faults that the room may have."""
    found: list[Mutant] = []
    for path in files(room):
        mutator = Mutator(path, len(found))
        mutator.visit(ast.parse((ROOT / path).read_text("utf-8")))
        found += mutator.found
    picked = random.Random(f"{room} {seed}").sample(found, min(count, len(found)))
    return sorted(picked)


def put_in(mutants: list[Mutant], folder: Path, room: str) -> None:
    """Put the faults into the copy of the checkout in `folder`, all switched off."""
    wanted = {mutant.number for mutant in mutants}
    first = 0
    for path in files(room):
        tree = ast.parse((ROOT / path).read_text("utf-8"))
        counted = Mutator(path, first)
        counted.visit(copy.deepcopy(tree))
        numbers = wanted & {mutant.number for mutant in counted.found}
        if numbers:
            Mutator(path, first, numbers).visit(tree)
            begins = 1 if ast.get_docstring(tree) is not None else 0
            while isinstance(tree.body[begins], ast.ImportFrom) and _is_future(tree.body[begins]):
                begins += 1
            tree.body[begins:begins] = ast.parse(SWITCH).body
            (folder / path).write_text(ast.unparse(ast.fix_missing_locations(tree)) + "\n", "utf-8")
        first += len(counted.found)


def _is_future(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and node.module == "__future__"


def copy_checkout(folder: Path) -> None:
    """Copy what git knows of the checkout, as it is now."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)


def run_tests(folder: Path, words: list[str], longest: float | None = None, **environment: str) -> int | None:
    """How pytest ends in `folder`; None where it does not, in `longest` seconds."""
    command = [sys.executable, "-m", "pytest", "-q", "--tb=no", "-p", "no:cacheprovider", *words]
    with tempfile.TemporaryFile() as told:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **environment},
            stdout=told,
            stderr=told,
            start_new_session=True,
        )
        try:
            return process.wait(longest)
        except subprocess.TimeoutExpired:
            return None
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def tests_by_mutant(folder: Path, room: str) -> dict[int, list[str]]:
    """Which tests come by which fault. Raises SystemExit where a test fails without any."""
    log = folder / "mutants.log"
    log.touch()
    words = ["--numprocesses", "2", "--dist", "worksteal", *TESTS[room]]
    if run_tests(folder, words, MUTANT_LOG=str(log)) != 0:
        raise SystemExit(f"A test of {room} fails without any fault; mend that first.")
    found: dict[int, set[str]] = defaultdict(set)
    for line in log.read_text("utf-8").splitlines():
        number, _, test = line.partition("\t")
        found[int(number)].add(test)
    return {number: _mixed(tests) for number, tests in found.items()}


def _mixed(tests: set[str]) -> list[str]:
    """The tests in an order in which those come early that differ in more than their parameters."""
    alike: dict[str, int] = defaultdict(int)
    order: dict[str, int] = {}
    for test in sorted(tests):
        function = test.partition("[")[0]
        order[test] = alike[function]
        alike[function] += 1
    return sorted(order, key=lambda test: (order[test], test))


def try_room(room: str, count: int, seed: int, most: int) -> list[Mutant]:
    """Try so many faults, tell how it went, and return the survivors."""
    mutants = chosen(room, count, seed)
    survivors: list[Mutant] = []
    with tempfile.TemporaryDirectory(prefix="mutants-") as name:
        folder = Path(name)
        copy_checkout(folder)
        put_in(mutants, folder, room)
        tests = tests_by_mutant(folder, room)
        for mutant in mutants:
            some = tests.get(mutant.number, [])[:most]
            noticed = some and run_tests(folder, ["-x", *some], LONGEST, MUTANT=str(mutant.number)) != 0
            if not noticed:
                survivors.append(mutant)
                print(f"survived {len(some):3d} tests  {mutant}", flush=True)
    print(f"{room}: {len(mutants) - len(survivors)} of {len(mutants)} noticed", flush=True)
    return survivors


def main() -> None:
    """Try what the arguments ask for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rooms", nargs="+", choices=TESTS, default=list(TESTS))
    parser.add_argument("--count", type=int, default=30, help="faults for each room")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--most", type=int, default=100, help="tests for each fault")
    options = parser.parse_args()
    for room in options.rooms:
        try_room(room, options.count, options.seed, options.most)


if __name__ == "__main__":
    main()
