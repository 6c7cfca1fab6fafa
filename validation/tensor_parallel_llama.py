"""LlamaForCausalLM of transformers itself under parallelize_module, with sequence parallel and a parallel loss: what a rank requests.

    validation/nullcuda/run.sh -m validation.tensor_parallel_llama

Writes validation/results/tensor-parallel-llama.json. The model makes DTensors of its own accord here: its logits are one from the head to
the loss. Position ids are given, since the model would count the part of the sequence that a rank has; so is the absence of a mask.
"""

from __future__ import annotations

import json
from typing import Any

import torch
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import Replicate, Shard
from torch.distributed.tensor.experimental import implicit_replication
from torch.distributed.tensor.parallel import (
    ColwiseParallel,
    ParallelStyle,
    PrepareModuleInput,
    RowwiseParallel,
    SequenceParallel,
    loss_parallel,
    parallelize_module,
)
from torch.distributed.tensor.placement_types import Placement
from transformers import LlamaConfig, LlamaForCausalLM
from transformers.models.llama import modeling_llama

from validation.nullcuda.measure import Settings, measure
from validation.parallel import join
from validation.rows import HERE

RESULTS = HERE / "results" / "tensor-parallel-llama.json"
RANKS, SYMBOLS = 4, {"B": 2, "r": 128, "L": 2, "c": 256, "n": 8, "kv": 4, "f": 512, "V": 2048}
SIZES = {
    "vocab_size": "V", "hidden_size": "c", "intermediate_size": "f", "num_hidden_layers": "L", "num_attention_heads": "n",
    "num_key_value_heads": "kv",
}  # fmt: skip
COLUMNS = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "mlp.gate_proj", "mlp.up_proj")


def plan(layers: int) -> dict[str, ParallelStyle]:
    """How each module is divided."""
    sequence, whole = Shard(1), Replicate()
    styles: dict[str, ParallelStyle] = {
        "model.embed_tokens": RowwiseParallel(input_layouts=whole, output_layouts=sequence),
        "model.norm": SequenceParallel(use_local_output=True),
        "lm_head": ColwiseParallel(input_layouts=sequence, use_local_output=False),
    }
    for layer in (f"model.layers.{i}" for i in range(layers)):
        for norm in ("input_layernorm", "post_attention_layernorm"):
            styles[f"{layer}.{norm}"] = SequenceParallel(use_local_output=True)
        given: dict[str, Placement] = {"hidden_states": sequence}
        wanted: dict[str, Placement] = {"hidden_states": whole}
        styles[f"{layer}.self_attn"] = PrepareModuleInput(input_kwarg_layouts=given, desired_input_kwarg_layouts=wanted)
        styles[f"{layer}.mlp"] = PrepareModuleInput(input_layouts=sequence, desired_input_layouts=whole)
        styles |= {f"{layer}.{name}": ColwiseParallel() for name in COLUMNS}
        styles |= {f"{layer}.{name}": RowwiseParallel(output_layouts=sequence) for name in ("self_attn.o_proj", "mlp.down_proj")}
    return styles


def build() -> nn.Module:
    """One rank's model, in bf16."""
    settings: dict[str, Any] = {"use_cache": False, "attn_implementation": "sdpa"}
    settings |= {name: SYMBOLS[symbol] for name, symbol in SIZES.items()}
    model: nn.Module = LlamaForCausalLM(LlamaConfig(**settings))
    return parallelize_module(model.to(torch.bfloat16), init_device_mesh("cuda", (RANKS,)), plan(SYMBOLS["L"]))


def batch() -> tuple[torch.Tensor, ...]:
    """Tokens, labels and positions."""
    tokens = torch.zeros(SYMBOLS["B"], SYMBOLS["r"], dtype=torch.long)
    return tokens, tokens.clone(), torch.arange(SYMBOLS["r"]).unsqueeze(0)


def loss(model: nn.Module, given: Any) -> torch.Tensor:
    """The model's own loss."""
    tokens, labels, positions = given
    result: torch.Tensor = model(input_ids=tokens, labels=labels, position_ids=positions).loss
    return result


def main() -> None:
    """Measure a step and write it."""
    join(RANKS)
    modeling_llama.__dict__["create_causal_mask"] = lambda *_, **__: None
    with implicit_replication(), loss_parallel():
        report, _ = measure(build, batch, loss, Settings())
    there = report["before_forward"]["requested"]
    figures = {name: report[f"{name}_bytes"] for name in ("gradient", "optimizer")}
    figures |= {"parameters": report["parameter_bytes"], "left by forward": report["left_by_forward"]["requested"]}
    figures |= {f"{phase}, beyond what was there": peak["requested"] - there for phase, peak in report["peaks"].items()}
    written = json.dumps({"torch": torch.__version__, "ranks": RANKS, "symbols": SYMBOLS, "measured": figures}, indent=1)
    RESULTS.write_text(written + "\n")
    print(written)


if __name__ == "__main__":
    main()
