"""torch.optim: the state each optimizer keeps, and what its step holds for a moment.

A step's memory is a script of variables. `a` binds a new tensor to the variable a (the old one goes after the new one is
made, as Python rebinds), `-a` lets it go. A foreach step runs its script once over lists of all parameters; a for-loop step
once per parameter, its variables living on into the next round. `*a` is made and goes for one parameter after another, `b=a`
is another name for what a was. `a:rows` and `a:columns` are norms of the rows and columns of a matrix, `a:batch` is a mean over
its rows, `a:scalar` a norm. `?option` in front keeps an entry only with that option, `!option` only without.

Source: torch/optim/*.py of torch 2.13, each script equal to the allocations of that step; Lion is lion-pytorch's, Adam8bit
bitsandbytes' (bitsandbytes/optim/optimizer.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

OPTIONS = ("momentum", "nesterov", "weight_decay", "amsgrad", "centered")
FORMS = ("foreach", "forloop", "fused")


@dataclass(frozen=True, slots=True)
class Optimizer:
    """State tensors per parameter, and the script of the step in each form that exists; None where it does not."""

    name: str
    state: str
    foreach: str | None
    forloop: str | None
    fused: str | None = None
    options: tuple[str, ...] = ("weight_decay",)
    default: str = "foreach"
    eight_bit: bool = False
    by_rank: bool = False  # whether a foreach step takes matrices and vectors apart
    eager: bool = False  # whether the constructor makes the states, those of parameters that never get a gradient too

    def script(self, form: str, options: Iterable[str]) -> list[str]:
        """The entries that apply. Raises KeyError for a form that does not exist."""
        written = {"foreach": self.foreach, "forloop": self.forloop, "fused": self.fused}[form]
        if written is None:
            raise KeyError(form)
        return chosen(written, options)

    def states(self, options: Iterable[str]) -> list[str]:
        """The state tensors that apply."""
        return chosen(self.state, options)


def chosen(script: str, options: Iterable[str]) -> list[str]:
    """The entries whose conditions hold."""
    given, result = set(options), []
    for entry in script.split():
        while entry[0] in "?!":
            condition, _, entry_rest = entry[1:].partition("/")
            if (condition in given) != (entry[0] == "?"):
                break
            entry = entry_rest
        else:
            result.append(entry)
    return result


MOVES = {
    ("AdamW", "foreach"): "1 2", ("AdamW", "forloop"): "1 2", ("AdamW", "fused"): "1", ("Adam", "foreach"): "1 2",
    ("Adam", "forloop"): "1 2", ("Adam", "fused"): "1", ("SGD", "foreach"): "1", ("SGD", "forloop"): "1", ("SGD", "fused"): "1",
}  # fmt: skip
"""How many gradients of a parameter each op takes that reads some; those that lie otherwise over the GPUs are moved for each."""
ADAM = "exp_avg exp_avg_sq ?amsgrad/max_exp_avg_sq"
FACTORED = "*norm:scalar ?matrix/row:rows ?matrix/column:columns !matrix/square estimate ?matrix/*mean:batch update=estimate *norm:scalar"
FACTORED_LISTS = (
    "*norm:scalar ?matrix/row:rows ?matrix/-row ?matrix/column:columns ?matrix/-column !matrix/square !matrix/-square estimate "
    "?matrix/mean:batch ?matrix/-mean update=estimate *norm:scalar"
)
OPTIMIZERS = {
    o.name: o
    for o in (
        Optimizer("SGD", "?momentum/momentum_buffer", "?weight_decay/grad ?weight_decay/-grad",
                  "-grad ?weight_decay/grad ?nesterov/grad", "", ("momentum", "nesterov", "weight_decay")),
        Optimizer("Adam", ADAM, "?weight_decay/grad ?weight_decay/-grad sqrt -sqrt",
                  "-grad ?weight_decay/grad sqrt denominator -sqrt", "", ("weight_decay", "amsgrad")),
        Optimizer("AdamW", ADAM, "sqrt -sqrt", "sqrt denominator -sqrt", "", ("weight_decay", "amsgrad")),
        Optimizer("RMSprop", "square_avg ?momentum/momentum_buffer ?centered/grad_avg", "?weight_decay/grad avg -grad -avg",
                  "-grad ?weight_decay/grad avg", None, ("momentum", "weight_decay", "centered")),
        Optimizer("Adagrad", "sum", "?weight_decay/numerator std !weight_decay/numerator -std -numerator",
                  "-grad ?weight_decay/grad std", "", eager=True),
        Optimizer("Adadelta", "square_avg acc_delta", "?weight_decay/grad std delta -grad -std -delta",
                  "-grad ?weight_decay/grad std delta"),
        Optimizer("Adamax", "exp_avg exp_inf", "grad -grad", "-grad ?weight_decay/grad absolute -absolute"),
        Optimizer("NAdam", "exp_avg exp_avg_sq", "?weight_decay/grad sqrt -grad -sqrt",
                  "-grad ?weight_decay/grad corrected denominator -corrected"),
        Optimizer("RAdam", "exp_avg exp_avg_sq", "?weight_decay/grad ?weight_decay/-grad sqrt -sqrt",
                  "-grad ?weight_decay/grad corrected update -update"),
        Optimizer("Adafactor", "?matrix/row_var:rows ?matrix/col_var:columns !matrix/variance", FACTORED_LISTS, FACTORED,
                  default="forloop", by_rank=True),
        Optimizer("Lion", "exp_avg", None, "copy update -copy -update", default="forloop"),
        Optimizer("Adam8bit", "state1 state2", None, "", default="forloop", eight_bit=True),
        Optimizer("Lion8bit", "state1", None, "", default="forloop", eight_bit=True),
        Optimizer("AdamW8bit", "state1 state2", None, "", default="forloop", eight_bit=True),
    )
}  # fmt: skip
