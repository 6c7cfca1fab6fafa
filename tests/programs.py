"""Random small models over two tensors x and h of one shape, as YAML and as hypothesis strategies."""

from hypothesis import strategies as st

HEAD = """symbols: {{B: 3, c: 5, L: 6, D: 7}}
inputs: {{x: [B, c], y: [B, c]}}
modules: {{shared: {{Linear: {{in_features: c, out_features: c}}}}}}
blocks:
  mlp: {{inputs: [a], layers: [{{Linear: 4*c}}, GELU, {{Linear: c}}, {{add: a}}]}}
  two:
    inputs: [a, b]
    layers: [{{Linear: {{in: a, out_features: c, as: p}}}}, {{mul: {{in: [p, b], as: q}}}}, {{LayerNorm: {{in: q}}}}, {{as: r}}]
    outputs: [q, r]
layers: [{{Linear: {{in: x, out_features: c, as: h}}}}, {statements}, {{add: x}}, {{Linear: c}}]
loss: [mse_loss: y]
"""
STATEMENTS = (
    "{Linear: c}", "{Linear: {out_features: c, bias: false}}", "GELU", "ReLU", "LayerNorm", "{Dropout: 0.1}", "{softmax: {dim: -1}}",
    "{add: x}", "{add: h}", "{mul: x}", "{as: x}", "{as: h}", "{let: {x: x + h}}", "{let: {x: x * 2}}", "{let: {h: x * h - x}}",
    "{mul: {in: [x, h], as: x}}", "{exp: {in: x, as: e}}", "{detach: {in: h, as: h}}", "{retain: x}",
    "{Linear: {in: x, out_features: c, as: x}}", "{Linear: {in: x, out_features: 2*c, as: u}}, {mul: {in: [x, h]}}",
    "{no_grad: [{Linear: {in: x, out_features: c, as: t}}]}", "mlp", "{mlp: {in: x, as: x}}", "{mlp: {in: x, as: h, checkpoint: true}}",
    "{shared: {in: x, as: x}}", "{shared: {in: h}}", "{two: {in: [x, h], as: [x, h]}}, {add: {in: [x, h]}}",
)  # fmt: skip
COUNTS = ("L", "D", "6", "L + 1")
SETTINGS = {
    "outputs": ("kept", "dropped"), "optimizer": ("SGD", "AdamW"), "zero_grad": ("after_step", "before_backward"),
    "precision": ("fp32", "amp-bf16"), "mode": ("train", "infer"),
}  # fmt: skip


def model(statements: str) -> str:
    """The YAML of a model."""
    return HEAD.format(statements=statements)


def repeated(statements: str, count: str | int) -> str:
    """A loop."""
    return f"{{repeat: {count}, layers: [{statements}]}}"


lines = st.sampled_from(STATEMENTS)
straight = st.lists(lines, min_size=1, max_size=4).map(", ".join)
loops = st.builds(repeated, straight, st.sampled_from(COUNTS))
nested = st.builds(repeated, st.lists(st.one_of(lines, loops), min_size=1, max_size=3).map(", ".join), st.sampled_from(COUNTS))
programs = st.builds(", ".join, st.tuples(straight, nested, straight))
settings = st.fixed_dictionaries({key: st.sampled_from(values) for key, values in SETTINGS.items()})
