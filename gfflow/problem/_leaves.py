"""The leaves of any pytree by path."""

from collections.abc import Callable, Iterator
from typing import Any

import jax.tree_util as jtu
from jaxtyping import PyTree

from ._paths import spelled

_Leaf = tuple[str, Any]
_IsLeaf = Callable[[Any], bool] | None


def named_leaves(tree: PyTree, is_leaf: _IsLeaf = None) -> list[_Leaf]:
    """(path, leaf) of each leaf, in pytree order.

    A path depends on the structure alone. The children of a node that has no keys for
    them (`jax.tree_util.Partial`, a class of `register_pytree_node`) go by the
    attributes that hold them, or else by their number.
    """
    found = jtu.tree_leaves_with_path(tree, is_leaf)
    if any(isinstance(k, jtu.FlattenedIndexKey) for keys, _ in found for k in keys):
        found = list(_walk(tree, "", is_leaf))
    else:
        found = [("".join(map(_text, keys)), leaf) for keys, leaf in found]
    return [(text.removeprefix("."), leaf) for text, leaf in found]


def _walk(node: PyTree, prefix: str, is_leaf: _IsLeaf) -> Iterator[_Leaf]:
    children = None if is_leaf is not None and is_leaf(node) else _children(node)
    if children is None:
        yield prefix, node
        return
    numbered = any(isinstance(key, jtu.FlattenedIndexKey) for key, _ in children)
    names = _attributes(node) if numbered else {}
    for number, (key, child) in enumerate(children):
        name = names.get(number)
        step = _text(key) if name is None else spelled(name, attribute=True)
        yield from _walk(child, prefix + step, is_leaf)


def _children(node: PyTree) -> list[tuple[Any, Any]] | None:
    """(key, child) of each child of a node; `None` of a leaf."""
    found = jtu.tree_leaves_with_path(node, is_leaf=lambda x: x is not node)
    if any(not keys for keys, _ in found):
        return None
    return [(keys[0], child) for keys, child in found]


def _attributes(node: PyTree) -> dict[int, str]:
    """Number of a child → the attribute that is this very child, a public one first.

    Asked of a node like this one whose leaves are all different, so that equal leaves
    are not mistaken for each other. Empty where a class takes no leaves of its kind.
    """
    try:
        node = jtu.tree_map(lambda _: object(), node)
    except Exception:
        return {}
    held = [(name, _held(node, name)) for name in dir(node) if name[:2] != "__"]
    held.sort(key=lambda pair: pair[0].startswith("_"))
    names = {}
    for number, (_, child) in enumerate(_children(node) or ()):
        named = [name for name, value in held if value is child]
        if named and child is not None:
            names[number] = named[0]
    return names


def _held(node: Any, name: str) -> Any:
    try:
        return getattr(node, name)
    except Exception:
        return None


def _text(key: Any) -> str:
    match key:
        case jtu.GetAttrKey(name=name):
            return spelled(name, attribute=True)
        case jtu.SequenceKey(idx=number) | jtu.FlattenedIndexKey(key=number):
            return spelled(number)
        case jtu.DictKey(key=step):
            return spelled(step)
    return spelled(str(key))
