"""Ops whose function or class in PyTorch has the same name and takes the same arguments."""

from __future__ import annotations

FUNCTIONS = (
    "add", "sub", "rsub", "mul", "div", "reciprocal", "neg", "pow", "exp", "log", "sqrt", "rsqrt", "abs", "square", "clamp", "maximum",
    "minimum", "lerp", "addcmul", "addcdiv", "where", "clamp_min", "clamp_max", "exp2", "expm1", "log1p", "log2", "log10", "sin", "cos",
    "tan", "sinh", "cosh", "atan", "erf", "sign", "floor", "ceil", "round", "trunc", "nan_to_num", "eq", "ne", "lt", "le", "gt", "ge",
    "logical_and", "logical_or", "logical_xor", "logical_not", "isnan", "type_as", "add_", "sub_", "mul_", "div_", "clamp_", "relu_",
    "sigmoid_", "tanh_", "leaky_relu_", "elu_", "hardtanh_", "mish", "celu", "selu", "logsigmoid", "hardsigmoid", "hardswish",
    "hardtanh", "relu6", "hardshrink", "softshrink", "threshold", "softsign", "tanhshrink", "glu", "prelu", "softmin", "relu",
    "sigmoid", "tanh", "gelu", "silu", "elu", "leaky_relu", "softplus", "softmax", "log_softmax", "view", "reshape", "flatten",
    "unflatten", "permute", "transpose", "contiguous", "clone", "squeeze", "unsqueeze", "expand", "cat", "select", "detach", "mse_loss",
    "smooth_l1_loss", "binary_cross_entropy", "dropout", "randn_like", "huber_loss", "l1_loss", "binary_cross_entropy_with_logits",
    "nll_loss", "cross_entropy", "kl_div", "poisson_nll_loss", "gaussian_nll_loss", "normalize", "cosine_similarity",
    "pairwise_distance", "cosine_embedding_loss", "margin_ranking_loss", "triplet_margin_loss", "narrow", "unbind", "chunk", "tile",
    "expand_as", "view_as", "reshape_as", "t", "movedim", "flip", "tril", "triu", "pixel_shuffle", "pixel_unshuffle", "unfold",
    "rand_like", "bernoulli", "dropout1d", "dropout2d", "dropout3d", "lgamma", "xlogy", "clip", "absolute", "multiply", "subtract",
    "divide", "true_divide", "negative", "greater", "greater_equal", "less", "less_equal", "not_equal", "moveaxis", "concat",
    "concatenate", "arctan", "fix", "swapaxes", "swapdims", "ravel", "broadcast_to", "fliplr", "flipud",
    "split_with_sizes", "channel_shuffle", "asin", "acos", "asinh", "acosh", "atanh", "arcsin", "arccos", "arcsinh", "arccosh",
    "arctanh", "erfc", "erfinv", "logit", "frac", "remainder", "fmod", "hypot", "logaddexp", "floor_divide", "bitwise_and",
    "bitwise_or", "bitwise_xor", "bitwise_not", "isfinite", "isinf", "cross", "local_response_norm", "gumbel_softmax", "grid_sample",
    "soft_margin_loss", "multilabel_soft_margin_loss", "diagonal", "hinge_embedding_loss", "fold",
    *(f"{name}{rank}d" for name in ("conv", "conv_transpose") for rank in (1, 2, 3)),
)  # fmt: skip
PADS = ("Zero", "Constant", "Reflection", "Replication", "Circular")
MODULES = (
    "ReLU", "Sigmoid", "Tanh", "GELU", "SiLU", "ELU", "LeakyReLU", "Softplus", "Softmax", "Flatten", "Dropout", "MSELoss", "L1Loss",
    "SmoothL1Loss", "HuberLoss", "BCELoss", "BCEWithLogitsLoss", "NLLLoss", "CrossEntropyLoss", "KLDivLoss", "PoissonNLLLoss",
    "GaussianNLLLoss", "CosineEmbeddingLoss", "MarginRankingLoss", "TripletMarginLoss", "CosineSimilarity", "PairwiseDistance", "Mish",
    "CELU", "SELU", "LogSigmoid", "Hardsigmoid", "Hardswish", "Hardtanh", "ReLU6", "Hardshrink", "Softshrink", "Threshold", "Softsign",
    "Tanhshrink", "GLU", "PReLU", "LogSoftmax", "Softmin", "Identity", "Unflatten", "PixelShuffle", "PixelUnshuffle", "Unfold",
    "Dropout1d", "Dropout2d", "Dropout3d", "Softmax2d", "ChannelShuffle", "LocalResponseNorm", "SoftMarginLoss", "MultiLabelSoftMarginLoss",
    "Fold", "HingeEmbeddingLoss",
    *(f"{kind}Pad{rank}d" for kind in PADS for rank in (1, 2, 3)),
)  # fmt: skip
METHODS = (
    "float", "double", "half", "bfloat16", "long", "int", "bool", "copy_", "fill_", "zero_", "exp_", "neg_", "sqrt_", "rsqrt_",
    "addcmul_", "lerp_",
)  # fmt: skip
REDUCERS = (
    "mean", "sum", "amax", "amin", "var", "std", "logsumexp", "any", "all",
)  # fmt: skip
