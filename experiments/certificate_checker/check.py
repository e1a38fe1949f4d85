"""Verify certificates of conservation laws with the standard library alone.

    python check.py FILE ...

Exit status 1 if one does not prove what it says: see README.md. A polynomial, and a
number over GF(p), is {sorted variables: coefficient}, a field {variable: polynomial}.
"""

import json
import sys
from collections import defaultdict


def demand(condition, message):
    if not condition:
        raise ValueError(message)


def whole(numbers, least, below, what):
    for x in numbers:
        demand(type(x) is int and least <= x < below, f"{what} is {x!r}")
    return numbers


def collected(terms):
    found = defaultdict(int)
    for coefficient, monomial in terms:
        found[tuple(sorted(monomial))] += coefficient
    return found


def product(p, q):
    return [(a * b, m + n) for m, a in p.items() for n, b in q.items()]


def slopes(p):
    parts = [(i, (p[m], m[:k] + m[k + 1 :])) for m in p for k, i in enumerate(m)]
    return {i: collected(t for j, t in parts if j == i) for i in {j for j, _ in parts}}


def number(terms, p):
    found = collected(terms).items()
    return {m: a % p for m, a in found if a % p and len(set(m)) == len(m)}


def value(polynomial, point, p):
    total = []
    for monomial, coefficient in polynomial.items():
        term = {(): coefficient % p}
        for i in monomial:
            term = number(product(term, point[i]), p)
        total += [(a, m) for m, a in term.items()]
    return number(total, p)


def combined(fields, c, point, p):
    """Σ cⁿ G_n at a point."""
    terms, weight = defaultdict(list), 1
    for field in fields:
        for i, component in field.items():
            terms[i] += [(weight * a, m) for m, a in component.items()]
        weight = weight * c % p
    return [value(collected(terms[i]), point, p) for i in range(len(point))]


def bracket(fields, recipe, point, p):
    """[X, Y] = ∂Y·X − ∂X·Y for X of the last number and Y of those before. What goes
    with a new e in Y(point + e X) is ∂Y·X, in X(point + e Y) it is ∂X·Y."""
    *before, c = recipe
    plus = combined(fields, c, point, p)
    if not before:
        return plus
    e, found = len(before), []
    for sign, inner in (1, before), (-1, [c]):
        moved = [x | {(*m, e): a for m, a in y.items()} for x, y in zip(point, plus)]
        along = bracket(fields, inner, moved, p)
        found.append([[(sign * x[m], {*m} - {e}) for m in x if e in m] for x in along])
        plus = [{m: x[m] for m in x if e not in m} for x in along]
    return [number(x + y, p) for x, y in zip(*found)]


def determinant(rows, columns, p):
    rows, found = [[row[i].get((), 0) for i in columns] for row in rows], 1
    demand(len(columns) == len(rows), "a minor is not square")
    for k in range(len(rows)):
        pivot = next((i for i in range(k, len(rows)) if rows[i][k]), None)
        demand(pivot is not None, f"rows are not independent modulo {p}")
        rows[k], rows[pivot] = rows[pivot], rows[k]
        found = found * rows[k][k] * (-1) ** (pivot != k) % p
        inverse = pow(rows[k][k], -1, p)
        for i in range(k + 1, len(rows)):
            if factor := rows[i][k] * inverse % p:
                rows[i] = [(a - factor * b) % p for a, b in zip(rows[i], rows[k])]
    return found


def check(c):
    """What a certificate proves; `ValueError` and others if it does not."""
    demand(c["format"] == "gfflow certificate of conservation laws, 1", "the format")
    n, state = whole([c["variables"], c["state"]], 1, 2**20, "a number of variables")
    given = [*c["phi"], *c["laws"], *(p for *_, p in c["drift"] + c["directions"])]
    whole([a for terms in given for a, _ in terms], -(2**999), 2**999, "a coefficient")
    whole([i for terms in given for _, m in terms for i in m], 0, n, "a variable")
    read = lambda terms: collected((a, tuple(m)) for a, m in terms)
    phi, laws = ([slopes(read(p)) for p in c[key]] for key in ("phi", "laws"))
    demand(len(phi) == c["coordinates"], f"there are {len(phi)} coordinates")
    directions = [(j, i, read(factor)) for j, i, factor in c["directions"]]
    fields = [{i: read(p) for i, p in c["drift"]}]
    for d in phi:
        parts = [(i, product(d[j], f)) for j, i, f in directions if j in d]
        fields.append({i: collected(terms) for i, terms in parts})
        demand(len(parts) == len(fields[-1]), "two directions drive one variable")
    whole([i for field in fields for i in field], 0, state, "a variable that moves")
    for k, h in enumerate(laws):
        for field in fields:
            rate = [t for i in h if i in field for t in product(h[i], field[i])]
            demand(not any(collected(rate).values()), f"law {k} is false")
    ranks = []
    for r in c["ranks"]:
        (p,) = whole([r["prime"]], 2, 2**40, "a prime")
        demand(all(p % k for k in range(2, int(p**0.5) + 1)), f"{p} is no prime")
        point = [{(): x} for x in whole(r["point"], 0, p, "an entry of a point")]
        demand(len(point) == n, "a point has not the number of variables")
        if not ranks:
            rows = [[value(h.get(i, {}), point, p) for i in range(state)] for h in laws]
            determinant(rows, whole(c["law_columns"], 0, state, "a column"), p)
        used = range(len(phi)) if r["used"] is None else r["used"]
        used = [fields[1 + i] for i in whole(used, 0, len(phi), "a coordinate in use")]
        recipes = [whole(recipe, 0, p, "in a recipe") for recipe in r["recipes"]]
        rows = [bracket(fields[:1] + used, recipe, point, p) for recipe in recipes]
        found = determinant(rows, whole(r["columns"], 0, state, "a column"), p)
        demand(found == r["determinant"], f"a determinant is {found} modulo {p}")
        ranks.append(len(rows))
    upper = state - max(ranks)
    claims, bounds = (c["lower_bound"], c["upper_bound"]), (len(laws), upper)
    demand(claims == bounds, f"the bounds are {bounds}")
    demand(c["complete"] is (upper == len(laws)), "complete is the other thing")
    return f"{len(laws)} laws, and there are at most {upper}"


if __name__ == "__main__":
    refuted = len(sys.argv) == 1
    for file in sys.argv[1:]:
        try:
            with open(file, encoding="utf-8") as opened:
                print(f"{file}: proved: {check(json.load(opened))}")
        except Exception as error:
            print(f"{file}: REFUTED: {type(error).__name__}: {error}")
            refuted = True
    sys.exit(refuted)
