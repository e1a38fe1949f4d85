"""A good config, and what can be wrong with it: (old, new, place, words)."""

# A linear network and its data: the beginning of small configs.
LINEAR = """\
[problem]
loss = "half_squared_error"
[problem.model]
kind = "deep_linear"
widths = [2, 3, 2]
[problem.data]
kind = "teacher_student"
inputs = 2
outputs = 2
samples = 20
"""

GOOD = """\
# a config
[problem]
loss = "mse"

[problem.model]
kind = "mlp"
widths = [
    64,
    32,
    10,
]
activation = "tanh"

[problem.data]
kind = "digits"
samples = 100

[solver]
name = "Dopri8"
t1 = 100
rtol = 1e-10

[save]
times = [1.0, 10.0, 100.0]

[laws]
names = { W1 = "layers[0].weight" }

[[laws.custom]]
name = "sum"
expression = "W1 @ W1.T"

[run]
precision = "float64"
"""
DATA = 'kind = "digits"\nsamples = 100'
MODEL = GOOD[GOOD.index('kind = "mlp"') : GOOD.index("\n[problem.data]")]

BAD = [
    # numbers
    ("rtol = 1e-10", "rtol = -1e-10", "21: solver.rtol", "greater than 0", "-1e-10"),
    ("rtol = 1e-10", 'rtol = "1e-6"', "21: solver.rtol", "number, without quotes"),
    ("rtol = 1e-10", "rtol = true", "21: solver.rtol", "be a number", "got true"),
    ("rtol = 1e-10", "rtol = nan", "21: solver.rtol", "finite number", "got nan"),
    ("t1 = 100", "t1 = inf", "20: solver.t1", "finite number", "got inf"),
    ("t1 = 100", "t1 = 1979-05-27", "20: solver.t1", "number", "got 1979-05-27"),
    ("samples = 100", "samples = 100.0", "16: problem.data.samples", "without a point"),
    ("samples = 100", "samples = true", "16: problem.data.samples", "whole number"),
    ("samples = 100", "samples = 0", "16: problem.data.samples", "greater than 0"),
    ("samples = 100", "seed = -1", "16: problem.data.seed", "at least 0", "got -1"),
    ("    32,", "    0,", "9: problem.model.widths.1", "greater than 0", "got 0"),
    ("    32,", "    32.5,", "9: problem.model.widths.1", "whole number", "got 32.5"),
    ("    64,\n    32,", "", "7: problem.model.widths", "2 or more", "got [10]"),
    ("rtol = 1e-10", "atol = -1", "21: solver.atol", "at least 0", "absolute"),
    ("rtol = 1e-10", "stop = {loss = nan}", "21: solver.stop.loss", "finite number"),
    ("rtol = 1e-10", "rtol = 1e-15", "21: solver.rtol", "float64", "2.3e-15", "raise"),
    # other types
    ('loss = "mse"', "loss = 3", "3: problem.loss", "must be a string", "got 3"),
    (DATA, DATA + '\nstandardise = "true"', "17: problem.data.standardise", "or false"),
    ('kind = "digits"', "kind = 3", "15: problem.data.kind", "one of digits", "got 3"),
    ("[run]\n", "[[run]]\n", "33: run", "must be a table"),
    ("[[laws.custom]]", "[laws.custom]", "29: laws.custom", "array", "got a table"),
    ('loss = "mse"', 'loss = ""', "3: problem.loss", "must be one of mse"),
    ('loss = "mse"', 'loss="mse"\ntrainable=[\n""]', "5: problem.trainable.0", "empty"),
    # unknown keys and names
    ("rtol =", "rtoll =", "21: solver.rtoll", "unknown", "'rtol'", "keys: name"),
    ("rtol = 1e-10", "seed = 1", "21: solver.seed", "unknown key", "mean 'run.seed'?"),
    ("[run]", "[rnu]", "33: rnu", "unknown key", "mean 'run'?", "known keys: problem"),
    ('activation = "tanh"', 'activaton = "tanh"', "12: problem.model.activaton", "'a"),
    ('"tanh"', '"relo"', "12: problem.model.activation", "mean 'relu'?", "got 'relo'"),
    ('"tanh"', '"tanh"\ninit = "h"', "13: problem.model.init", "one of glorot, he"),
    ('"mlp"', '"mpl"', "6: problem.model.kind", "mlp, deep_linear", "mean 'mlp'?"),
    ('"mlp"', '"deep_linear"', "12: problem.model.activation", "unknown key", "bias"),
    ('kind = "mlp"', "", "5: problem.model.kind", "required", "mlp, deep_linear"),
    ('"digits"', '"digitz"', "15: problem.data.kind", "(did you mean 'digits'?)"),
    ('loss = "mse"', 'loss = "mze"', "3: problem.loss", "'mse'", '"./file.py:name"'),
    ('"Dopri8"', '"dopri9"', "19: solver.name", "(did you mean 'dopri", "'dopri9'"),
    ('"float64"', '"float16"', "34: run.precision", "float64, float32", "'float16'"),
    ("[save]", '[flow]\nkind = "gradint"\n[save]', "24: flow.kind", "mean 'gradient'"),
    ("[laws]\n", '[laws]\nfamilies = ["a"]\n', "27: laws.families.0", "one of known"),
    # keys and sections that are not there
    ("t1 = 100\n", "", "18: solver.t1", "this key is required", "last flow time"),
    ('loss = "mse"\n', "", "2: problem.loss", "required", '"package.module:name"'),
    ('name = "sum"\n', "", "29: laws.custom.0.name", "required"),
    (DATA, 'kind = "npz"', "14: problem.data.path", "required", "the .npz file"),
    (DATA, 'kind = "teacher_student"', "14: problem.data.inputs", "required"),
    ("[problem.data]\n" + DATA, "", "2: problem.data", "required: [problem.data]"),
    # times
    ("t1 = 100\n", "t1 = 100\nt0 = 100.0\n", "20: solver.t1", "solver.t0 = 100.0"),
    ("10.0, 100", "30.0, 3.0, 100", "24: save.times.2", "30.0 is followed by 3.0"),
    ("10.0, 100", "1.0, 100", "24: save.times.1", "1.0 is followed by 1.0"),
    ("10.0, 100.0", "200.0", "24: save.times.1", "after solver.t1 = 100", "got 200.0"),
    ("[1.0, ", "[0.0, ", "24: save.times.0", "must be after solver.t0 = 0.0"),
    ("10.0, 100.0", "true", "24: save.times.1", "must be a number", "got true"),
    ("[1.0, 10.0, 100.0]", "[]", "24: save.times", "1 or more entries"),
    ("[1.0, 10.0, 100.0]", '"lin"', "24: save.times", "log, linear", "mean 'linear'?"),
    ("[1.0, 10.0, 100.0]", "7", "24: save.times", '"log", "linear" or an', "got 7"),
    ("times = [1.0, 10.0, 100.0]", "first = 100", "24: save.first", "less than"),
    # targets and files
    (DATA, 'target = "make"', "15: problem.data.target", "needs one colon", "'make'"),
    (DATA, 'target = "a:b:c"', "15: problem.data.target", "needs one colon"),
    (DATA, 'target = "a.b:"', "15: problem.data.target", "name of a function"),
    (DATA, 'target = "a/b:c"', "15: problem.data.target", '"./file.py:name"'),
    (DATA, 'target = "./a.py:b"', "15: problem.data.target", "no file /", "a.py"),
    (DATA, 'kind="npz"\npath="a.npz"', "16: problem.data.path", "no file /", "'a.npz'"),
    (DATA, 'kind="csv"\npath="."', "16: problem.data.path", "there is no file /"),
    ('"mse"', '"./loss.py:mse"', "3: problem.loss", "there is no file /", "loss.py"),
    ("expression = ", 'function = "f.py:g" #', "31: laws.custom.0.function", "no file"),
    ('"mse"', '"~nobody-here/loss.py:mse"', "3: problem.loss", "there is no file /"),
    (MODEL, 'target="a:b"\n[problem.model.arguments]\nx.y=[1,\ninf]\n',
     "9: problem.model.arguments.x.y.1", "finite number", "got inf"),
    (MODEL, 'target = "a:b"\narguments = {day = 1979-05-27}\n',
     "7: problem.model.arguments.day", "dates", "got 1979-05-27"),
    # laws
    ('"W1 @ W1.T"', '"W1 @@ W1"', "31: laws.custom.0.expression", "column 5", "@@"),
    ('"W1 @ W1.T"', '"(W1"', "31: laws.custom.0.expression",
     "column 1: '(' was never closed"),
    ('"W1 @ W1.T"', '"a = W1"', "31: laws.custom.0.expression", "column 3"),
    ('"W1 @ W1.T"', '""', "31: laws.custom.0.expression", "must not be empty"),
    ('expression = "W1 @ W1.T"\n', "", "29: laws.custom.0", "either", "got neither"),
    ('W1.T"\n', 'W1.T"\nfunction = "a:b"\n', "29: laws.custom.0", "got both"),
    ("[run]", '[[laws.custom]]\nname = "sum"\nexpression = "W1"\n[run]',
     "34: laws.custom.1.name", "there already, laws.custom.0", "got 'sum'"),
    ('"sum"', '"rescaling"', "30: laws.custom.0.name", "name of a family"),
    ("{ W1 =", '{ "W.1" =', '27: laws.names."W.1"', "an alias must be", "got 'W.1'"),
    ("[laws]\n", '[laws]\nfamilies = ["known", "known"]\n', "27: laws.families", "2 t"),
    ('sum"', 'sum"\ndegree = "cubic"', "31: laws.custom.0.degree", "one of linear"),
]  # fmt: skip
