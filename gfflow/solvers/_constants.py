"""The tuned numbers of the solvers, each with its reason.

Numbers that define a method (tableaus, nodes, the damping of ROCK2's polynomials) stand
with the method. "By trial" means: on the problems of `experiments/work_precision`,
whose table tells what they cost.
"""

# Step-size control; `gfflow.integrate` has its own beside its controller.
# The pair of Gustafsson (1991), 0.7 and 0.4, calms steps that stability bounds.
STABILITY_INTEGRAL = 0.7
# The other one of the pair.
STABILITY_PROPORTIONAL = 0.4
# The usual safety factor of step-size control, Diffrax's too.
STABILITY_SAFETY = 0.9
# The bound of a step's growth that Diffrax has too.
STABILITY_GROWTH = 10.0
# Integral control alone: a factor e^(−1/k) meets the tolerance at the next step.
ACCURACY_INTEGRAL = 1.0
# None: under it steps that grow for ever settle at an error below the tolerance.
ACCURACY_PROPORTIONAL = 0.0
# Below the usual 0.9, as each step is meant to grow on the last one; by trial.
ACCURACY_SAFETY = 0.8
# Steps that grow like t are doubled at most; faster ones are soon rejected; by trial.
ACCURACY_GROWTH = 3.0

# Collocation: what it holds.
# Room for the tens of stiff directions of a network's Hessian; by trial. 3 copies each.
COLLOCATION_VECTORS = 60
# Iterations that Anderson's acceleration looks back on; by trial. 2s copies each.
COLLOCATION_MEMORY = 10

# Collocation: the step that is reported to the control.
# An error E of the estimate stands for one of E^1.5 of the endpoint: measured.
ERROR_SHARPENING = 1.5
# Part of the step's tolerance that the stage equations may miss; by trial.
NEWTON_TOLERANCE_FRACTION = 0.01
# Most iterations of the stage equations (twice as many to round-off); by trial.
STAGE_ITERATION_LIMIT = 15
# Iterations at which a step no longer grows, about half of the limit; by trial.
EASY_STAGE_ITERATIONS = 8
# θ grows like h (Gustafsson 1994): a step grows until θ may be so large; by trial.
LARGEST_EXPECTED_CONTRACTION = 0.25
# A step whose stage equations were not solved is halved: θ ~ h is halved with it.
UNSOLVED_STEP_SHRINK = 0.5
# Safety factor of step control that the errors reported for these reckon with.
REPORTED_SAFETY = 0.9
# Just under 1, at which the control rejects: slow iterations alone reject no step.
LARGEST_ACCEPTED_ERROR = 0.99
# A stale Jacobian and, where the iteration fails with it, a new one.
STAGE_ATTEMPTS = 2

# Collocation: the iteration of the stage equations.
# Mean contraction over which the iteration is given up at once; by trial.
DIVERGED_CONTRACTION = 2.0
# Iterations before one is given up that will not end within the limit; by trial.
HOPELESS_AFTER_ITERATIONS = 3
# To round-off: changes that shrink less than by half are noise; by trial.
STAGNATED_CONTRACTION = 0.5
# To round-off: the largest change, in units of it, that may be noise; by trial.
ROUND_OFF_CHANGE = 1e4
# Contraction that is expected where no step came before; by trial.
FIRST_CONTRACTION = 0.5
# Of the last step's contraction: RADAU5 does so (Hairer & Wanner, ODEs II, §IV.8).
EXPECTED_CONTRACTION_POWER = 0.8
# Least contraction that is believed: accelerated, one change says little; by trial.
LEAST_CONTRACTION = 1 / 30
# The same in the first iteration, which has only the last step's; by trial.
LEAST_EXPECTED_CONTRACTION = 1 / 10
# Squared differences, in round-offs of the whole, that Anderson's keeps; by trial.
ANDERSON_LEAST_CHANGE = 1e4
# Round-offs added to the unit diagonal of Anderson's Gram matrix; by trial.
ANDERSON_RIDGE = 100

# Collocation: the first guess.
# Growth up to which steps count as equal: logarithmic time is 0/0 at none; by trial.
EQUAL_STEPS = 0.02
# 1 + t (ratio − 1) that logarithmic time reaches back to, singular at 0; by trial.
EARLIEST_LOGARITHMIC_TIME = 0.1

# Collocation: the stiff directions of the Jacobian.
# Products in one batch, at whose price work_precision counts them; by trial.
PRODUCT_BLOCK = 5
# Directions that a smaller program is compiled for, where they are all; by trial.
FEW_DIRECTIONS = 20
# h|λ| from which a direction is held: under it fixed-point iteration is fast; by trial.
STIFF_DIRECTION = 0.15
# Directions of the last residual that each new Jacobian tries; by trial.
NEW_DIRECTIONS = 2
# Part of a row outside of the span of those before, under which it is lost; by trial.
DEPENDENT_DIRECTION = 1e-6
# Largest drift, over the Jacobian, that is believed: it is an extrapolation; by trial.
LARGEST_DRIFT = 0.3
# Steps of orthogonal iteration for the first Jacobian, from scratch; by trial.
FIRST_JACOBIAN_ROUNDS = 3
# Directions of the last residual that are kept for it, a block of them; by trial.
RESIDUAL_DIRECTIONS = 5
# Iterations up to which no new Jacobian is asked for; by trial.
KEPT_JACOBIAN_ITERATIONS = 2
# Directions up to which a new Jacobian at each step repays; by trial.
CHEAP_DIRECTIONS = 40
# Growth of the step up to which more of them are kept; by trial.
KEPT_JACOBIAN_GROWTH = 4 / 3
# h times the drift, over which a kept Jacobian is too far off; by trial.
MOVED_JACOBIAN = 0.1
# A product is taken to cost half a gradient, when a new Jacobian is weighed.
PRODUCTS_A_GRADIENT = 2

# Momentum.
# The logarithm of μ's least unit, for μ = 0; e^−60 is there in single precision too.
CONJUGATE_LEAST_LOG_UNIT = -60.0

# ROCK2: the bound on the spectrum.
# Margin over the Ritz value and its residual, as the spectrum grows between estimates.
ROCK_RADIUS_SAFETY = 1.05
# Accepted steps after which it is found again at the latest, as usual for ROCK and RKC.
ROCK_LONGEST_PATIENCE = 25
# Relative change up to which it is found half as often: as much as the margin.
ROCK_SAME_RADIUS = 0.05
# Relative change over which it is found twice as often; by trial.
ROCK_OTHER_RADIUS = 0.2
# Residual over the value that ends the search: the bound is too high by no more.
RADIUS_RESIDUAL = 0.05
# Relative gain of the value in a product that ends the search; by trial.
RADIUS_GAIN = 0.003
# What is new in a direction, over its length, under which there is none; by trial.
RADIUS_EXHAUSTED = 0.01
# Products until the search has all its three vectors.
RADIUS_LEAST_PRODUCTS = 3
# Products that end the search in any case; by trial.
RADIUS_MOST_PRODUCTS = 50
# Noise in the guess, in norm, so that a direction that overtook it is found; by trial.
RADIUS_NOISE = 0.1

# The explicit methods.
# Round-offs of the state under which two stages are one point; by trial.
EXPLICIT_STIFFNESS_NOISE = 1e3

# Auto: the stages.
# (least rtol, stages): where seven were found to pay, from 3e-8 and not from 3e-7.
AUTO_STAGES = ((3e-4, 3), (3e-8, 5))
# Stages at tighter tolerances than these.
AUTO_MOST_STAGES = 7
# Stages where the tolerance is not known: those of the middle.
AUTO_STAGES_WITHOUT_TOLERANCE = 5

# Auto: when it goes over.
# h|λ| over the stability boundary from which a step speaks for the stiff solver. 0.03:
# at tight tolerances the error of stiff components bounds the step long before
# stability does; 0.8 across kinks. By trial.
AUTO_STIFF_FROM = (0.03, 0.8)
# h|λ| under which a stiff step speaks for the explicit methods: under 3 % of the
# boundary of Dormand–Prince 8(7), so that it does not come back at once; by trial.
AUTO_CALM_BELOW = 0.05
# Four steps of explicit methods that stability bounds are no accident of one error.
AUTO_STIFF_STEPS = 4
# To go back is worth it only if it is for long: a new Jacobian costs several steps.
AUTO_CALM_STEPS = 8
# Switches that are on record; the shape is in checkpoints.
AUTO_SWITCHES_ON_RECORD = 32

# Auto: how it sees kinks.
# Only steps that rejections cut to less of the last one are asked; by trial.
KINK_SHORTER = 0.7
# Error over what the last step's lets expect, from which a kink was crossed; by trial.
KINK_FACTOR = 30.0
# What is left of a crossing after a step: it counts for about twelve; by trial.
KINK_FADE = 0.92
# Crossings from which kinks decide the steps: more than one; by trial.
KINKS_MANY = 1.5
# Crossings down to which they go on: lower, against going back and forth; by trial.
KINKS_FEW = 0.3

# Auto: memory.
# Copies of the state beside stages and vectors, counted in a collocation step.
AUTO_OTHER_COPIES = 12
# Stiff directions where memory is short: the dominant ones, two blocks.
AUTO_FRUGAL_VECTORS = 10

# Projection.
# Corrections a step at most: 2 to 4 are taken where laws can be met.
PROJECTION_CORRECTIONS = 6
# Round-offs of a law that count as no drift: a little more than one.
PROJECTION_ROUND_OFFS = 2.0
# Entries of the vectors that are pulled back at once: 32 MB in double precision.
PROJECTION_BLOCK_ELEMENTS = 4_000_000
# Newton's iterations, always so many: quadratic from as near as a step's end.
RESCALING_NEWTON_ITERATIONS = 5
# Largest |log| of a rescaling, so that a unit that cannot meet its law stays finite.
RESCALING_FARTHEST = 1.0
# Energy over the first at which conjugate gradients end: an error of 1e-10.
BALANCING_ENERGY_LEFT = 1e-20
# Conjugate gradients a layer at most: where laws are met, far fewer; by trial.
BALANCING_ITERATIONS_A_LAYER = 30
