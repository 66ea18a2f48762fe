"""What each task of a plan will take: time, memory, disk, tokens, each with its formula and the source of its inputs.

Pure: what is known of a project is asked through `Facts`. An unknown stays unknown.
"""

from cotspec.passes.cost.amounts import Amount as Amount
from cotspec.passes.cost.amounts import Cost as Cost
from cotspec.passes.cost.amounts import Sum as Sum
from cotspec.passes.cost.amounts import Total as Total
from cotspec.passes.cost.amounts import total as total
from cotspec.passes.cost.calibration import Comparison as Comparison
from cotspec.passes.cost.estimate import Estimator as Estimator
from cotspec.passes.cost.facts import Facts as Facts
from cotspec.passes.cost.facts import Lines as Lines
