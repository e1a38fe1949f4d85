"""Rules of primitives that hold programs."""

from jax import lax
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn

from ._evaluate import evaluate
from ._rules import rule
from ._values import Values


@rule("jit", "pjit", "closed_call", "core_call", "remat2", "checkpoint", always=True)
def _called(equation: JaxprEqn, values: Values) -> Values:
    key = "jaxpr" if "jaxpr" in equation.params else "call_jaxpr"
    return evaluate(_closed(equation.params[key]), values)


@rule("custom_jvp_call", "custom_vjp_call", always=True)
def _custom(equation: JaxprEqn, values: Values) -> Values:
    return evaluate(_closed(equation.params["call_jaxpr"]), values)


@rule("scan", always=True)
def _scan(equation: JaxprEqn, values: Values) -> Values:
    params = equation.params
    fixed, carried = params["num_consts"], params["num_carry"]
    constants = values[:fixed]

    def body(carry, x):
        out = evaluate(params["jaxpr"], [*constants, *carry, *x])
        return out[:carried], out[carried:]

    carry, ys = lax.scan(
        body,
        values[fixed : fixed + carried],
        values[fixed + carried :],
        length=params["length"],
        reverse=params["reverse"],
    )
    return [*carry, *ys]


@rule("while", always=True)
def _while(equation: JaxprEqn, values: Values) -> Values:
    params = equation.params
    first, second = params["cond_nconsts"], params["body_nconsts"]
    asked, used = values[:first], values[first : first + second]

    def goes_on(carry):
        (answer,) = evaluate(params["cond_jaxpr"], [*asked, *carry])
        return answer

    body = lambda carry: evaluate(params["body_jaxpr"], [*used, *carry])
    return list(lax.while_loop(goes_on, body, values[first + second :]))


@rule("cond", always=True)
def _cond(equation: JaxprEqn, values: Values) -> Values:
    index, *operands = values
    branches = [
        lambda *given, branch=branch: evaluate(branch, given)
        for branch in equation.params["branches"]
    ]
    return list(lax.switch(index, branches, *operands))


def _closed(program: Jaxpr | ClosedJaxpr) -> ClosedJaxpr:
    return program if isinstance(program, ClosedJaxpr) else ClosedJaxpr(program, ())
