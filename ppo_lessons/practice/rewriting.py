"""The course's own function, written wrongly in one place: each way to do so is a mistake that has a name of its own,
the two pieces of code."""

import ast
import contextlib
import functools
import inspect
import textwrap
import types
from typing import NamedTuple

from ppo_lessons import LESSONS

OPERATORS = (ast.Add(), ast.Sub(), ast.Mult(), ast.Div(), ast.Pow())
COMPARISONS = (ast.Lt(), ast.LtE(), ast.Gt(), ast.GtE())
INSTEAD = {  # a method or a function of torch -> others that are taken for it
    "sum": ("mean", "prod", "cumsum", "amax"),
    "mean": ("sum", "median", "amax"),
    "std": ("var",),
    "var": ("std",),
    "minimum": ("maximum",),
    "square": ("abs", "sqrt"),
    "exp": ("log", "expm1", "exp2"),
    "expm1": ("exp",),
    "log_softmax": ("softmax",),
    "softmax": ("log_softmax", "sigmoid"),
    "max": ("min", "sum", "mean"),
    "masked_fill": (),
    "flip": ("cumsum",),
}
AROUND = (  # what may stand around a part of the formula that is right without it
    *("-{e}", "{e} ** 2", "{e} ** 0.5", "1 / {e}", "1 - {e}", "{e} + 1", "{e} - 1", "2 * {e}", "{e} / 2"),
    *("{e}.abs()", "{e}.relu()", "{e}.exp()", "{e}.log()", "{e}.softmax(-1)", "{e}.log_softmax(-1)", "{e}.round()"),
    *("{e}.mean()", "{e}.mean(0)", "{e}.sum()", "{e}.sum(0)", "{e}[0]", "{e}[-1]", "{e} - {e}.mean()"),
    *("{e}.cumsum(0)", "{e}.flip(0)", "{e}.flip(0).cumsum(0).flip(0)", "{e}.cumprod(0)", "{e}.roll(1, 0)"),
    *("{e}.roll(-1, 0)", "torch.cat([{e}[1:], 0 * {e}[:1]])", "torch.cat([0 * {e}[:1], {e}[:-1]])"),
    *("torch.cat([{e}[1:], {e}[-1:]])", "torch.cat([{e}[:1], {e}[:-1]])"),
    *("{e} / {e}.sum()", "{e} / {e}.abs().max()", "{e} / len({x})", "{e} * len({x})", "{e} / {x}.shape[-1]"),
    *("{e} / math.log({x}.shape[-1])", "{e} / {x}.numel()", "{e} / {x}.numel() ** 0.5", "{e} / {e}.std()"),
    *("{e} * {e}.exp()", "{e}.exp() - 1", "{e} / math.log(2)"),
)
WITH = ("{e} * {p}", "{e} / {p}", "{e} + {p}", "{e} - {p}", "{p} - {e}", "torch.maximum({e}, {p})", "{e} + {p}[0]")
FLAGS = ("terminated", "truncated")


class Rewritten(NamedTuple):
    """A function with one wrong place."""

    old: str
    new: str
    function: types.FunctionType


def only_checks(node):
    """Is a statement a docstring, `check_...(...)`, `raise`, or an `if` that only raises or checks?"""
    if isinstance(node, ast.If):
        return all(map(only_checks, [*node.body, *node.orelse]))
    call = node.value if isinstance(node, ast.Expr) else None
    name = getattr(getattr(call, "func", None), "id", "")
    return isinstance(node, ast.Raise) or isinstance(call, ast.Constant) or name.startswith("check_")


def definition(function):
    """The syntax tree of a function, without docstring and checks of its inputs."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    tree.body[0].body = [node for node in tree.body[0].body if not only_checks(node)]
    return tree


def course_functions(function):
    """A function and the functions of the lessons that it calls, itself last: {name: syntax tree}."""
    trees = {}
    for name in function.__code__.co_names:
        other = function.__globals__.get(name)
        if isinstance(other, types.FunctionType) and other.__module__.removeprefix("ppo_lessons.") in LESSONS:
            trees.update(course_functions(other))
    return {**trees, function.__name__: definition(function)}


@functools.cache
def rewritings(function):
    """All functions that differ from this one in a single place: [Rewritten]."""
    if not isinstance(function, types.FunctionType):
        return []
    trees, found = course_functions(function), []
    around = {}
    for name in trees:
        around.update(getattr(function, "__globals__", {}).get(name, function).__globals__)
    around |= {"torch": __import__("torch"), "math": __import__("math")}
    for name, tree in trees.items():
        arguments = tree.body[0].args
        names = [argument.arg for argument in (*arguments.args, *arguments.kwonlyargs)]
        local = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
        parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
        for node in list(ast.walk(tree)):
            for new in replacements(node, names, local):
                change = Change(name, parents[node], node, new)
                found.append((change, *in_words(change, parents)))
    found.sort(key=lambda one: one[1] in one[2])  # what only puts something around it is tried last
    compiled = {name: compile(tree, "<right>", "exec") for name, tree in trees.items()}
    return [Rewritten(old, new, build(function, trees, compiled, around, change)) for change, old, new in found]


class Change(NamedTuple):
    """One node of a syntax tree and what stands in its place."""

    name: str  # of the function
    parent: ast.AST
    old: ast.AST
    new: ast.AST

    @contextlib.contextmanager
    def made(self):
        """The tree with the change in it, for a while."""
        for field, value in list(ast.iter_fields(self.parent)):
            if value is self.old:
                setattr(self.parent, field, self.new)
                yield
                setattr(self.parent, field, self.old)
                return
            if isinstance(value, list) and any(one is self.old for one in value):
                setattr(self.parent, field, [self.new if one is self.old else one for one in value])
                yield
                setattr(self.parent, field, value)
                return


def in_words(change, parents):
    """The code without and with a change; of a number, the operation or the call that it stands in."""
    whole = change.old
    while isinstance(whole, ast.Constant | ast.Tuple | ast.UnaryOp | ast.keyword) and whole in parents:
        whole = parents[whole]
    if whole is change.old:
        return ast.unparse(change.old), ast.unparse(change.new)
    with change.made():
        new = ast.unparse(whole)
    return ast.unparse(whole), new


def build(function, trees, compiled, around, change):
    """The function with one change in it; compiled when it is called first."""
    made = []

    def changed(*inputs, **numbers):
        if not made:
            names = dict(around)
            with change.made():
                wrong = compile(ast.fix_missing_locations(trees[change.name]), "<wrong>", "exec")
            for name, code in compiled.items():
                exec(wrong if name == change.name else code, names)
            made.append(names[function.__name__])
        return made[0](*inputs, **numbers)

    return changed


def replacements(node, names, local):
    """Expressions that may stand by mistake where this one belongs."""
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
        for value in {node.value + 1, node.value - 1, 2 * node.value, -1, 0, 1, 0.5} - {node.value}:
            yield ast.Constant(value)
    if not isinstance(node, ast.Name | ast.Call | ast.BinOp | ast.Subscript | ast.UnaryOp | ast.Compare):
        return
    if isinstance(getattr(node, "ctx", None), ast.Store):
        return
    text = ast.unparse(node)
    if text == "torch" or (isinstance(node, ast.Name) and node.id not in {*names, *local}):
        return
    yield from slips_in(node)
    if isinstance(node, ast.Name):
        for other in sorted({*names, *local} - {node.id}):
            yield ast.Name(other, ast.Load())
    for template in AROUND:
        yield expression(template.format(e=f"({text})", x=names[0]))
    for template in WITH:
        for other in names:
            if other != text:
                yield expression(template.format(e=f"({text})", p=other))
    for flag in (name for name in FLAGS if name in names and isinstance(node, ast.Name)):
        yield expression(f"{text}.masked_fill({flag}, 0)")
        for other in names:
            if other not in (text, *FLAGS):
                yield expression(f"torch.where({flag}, {other}, {text})")


def slips_in(node):
    """Slips in one operation, comparison or call."""
    if isinstance(node, ast.UnaryOp):
        yield node.operand
    if isinstance(node, ast.Compare):
        for operator in COMPARISONS:
            if type(operator) is not type(node.ops[0]):
                yield ast.Compare(node.left, [operator], node.comparators)
    if isinstance(node, ast.BinOp):
        yield from (node.left, node.right, ast.BinOp(node.right, node.op, node.left))
        for operator in OPERATORS:
            if type(operator) is not type(node.op):
                yield ast.BinOp(node.left, operator, node.right)
        if isinstance(node.right, ast.BinOp):  # parentheses at the wrong place
            inner = node.right
            yield ast.BinOp(ast.BinOp(node.left, node.op, inner.left), inner.op, inner.right)
        if isinstance(node.left, ast.BinOp):
            inner = node.left
            yield ast.BinOp(inner.left, inner.op, ast.BinOp(inner.right, node.op, node.right))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        of_torch = getattr(node.func.value, "id", "") == "torch"
        yield from node.args if of_torch else [node.func.value]
        for other in INSTEAD.get(node.func.attr, ()):
            yield ast.Call(ast.Attribute(node.func.value, other, ast.Load()), node.args, node.keywords)
        yield ast.Call(node.func, node.args[:-1], node.keywords)
        yield ast.Call(node.func, node.args[::-1], node.keywords)
        yield ast.Call(node.func, [*node.args, ast.Constant(0)], node.keywords)
    elif isinstance(node, ast.Call):
        yield from node.args
        yield ast.Call(node.func, node.args[::-1], node.keywords)


def expression(text):
    return ast.parse(text, mode="eval").body
