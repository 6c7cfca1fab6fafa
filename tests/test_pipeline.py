"""Stages of a pipeline: where they are cut, what they hold under a schedule, and which one needs most."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch.distributed.pipelining import Schedule1F1B, ScheduleGPipe

from analyzer.analysis import Analysis, peak_of
from analyzer.build.ranks import with_ranks
from analyzer.build.splitting import alike
from analyzer.build.trace import bind_symbols, trace
from analyzer.compute import flops, kernels
from analyzer.evaluate import evaluate
from analyzer.graph import Graph
from analyzer.iterations import iterations
from analyzer.memory import categories
from analyzer.peaks import pieces
from analyzer.run.schedules import EVERY, order
from analyzer.run.settings import Run, read_run
from analyzer.run.training import simulate
from analyzer.sizes import Device, Sizes
from analyzer.timeline import timeline
from tests.asking import analysis, model, peakform, report
from validation.pipeline import stand_ins
from validation.rendering import Program

PRENORM = "validation/models/encoder_prenorm.yaml"
T5 = "t5.encoder.block.2,t5.decoder,t5.decoder.block.2"
SMALL_T5 = {"B": 2, "r": 8, "t": 6, "c": 16, "n": 2, "d": 8, "f": 32, "V": 50}


def settings(ranks: int, microbatches: int, stage: int | str = "worst", **more: str) -> dict[str, str]:
    """Run settings of a pipeline."""
    return {"parallel": "pipeline", "ranks": str(ranks), "n_microbatches": str(microbatches), "stage": str(stage), **more}


def bytes_of(name: str, found: Analysis) -> int:
    """A category of memory at the bound values."""
    return evaluate(categories(found)[name], found.symbols.values)


@pytest.mark.parametrize("ranks", [2, 3, 8])
@pytest.mark.parametrize("schedule", ["1f1b", "gpipe"])
def test_actions_are_in_the_order_of_pytorch(schedule: str, ranks: int) -> None:
    for microbatches in (ranks, ranks + 1, 2 * ranks + 1):
        for stage in range(ranks):
            with Sizes({"n_microbatches": microbatches}, Device()).active():
                ours = order(schedule, ranks, stage, EVERY).actions

            assert list(ours) == actions_of_pytorch(schedule, ranks, stage, microbatches)


def actions_of_pytorch(schedule: str, ranks: int, stage: int, microbatches: int) -> list[tuple[str, int]]:
    """What a schedule has its stage do."""
    done: list[tuple[str, int]] = []
    watched: Any = SimpleNamespace(
        num_stages=ranks, stage_index=stage, is_last=stage == ranks - 1, perform_reduce_grad=lambda _: None,
        forward_one_chunk=lambda i, *_, **__: done.append(("F", i)), backward_one_chunk=lambda i, **_: done.append(("B", i)),
        **dict.fromkeys(("get_fwd_recv_ops", "get_fwd_send_ops", "get_bwd_recv_ops", "get_bwd_send_ops"), lambda _: []),
    )  # fmt: skip
    made: Any = {"1f1b": Schedule1F1B, "gpipe": ScheduleGPipe}[schedule](watched, microbatches)
    made._initialize_stage = lambda *_: None
    made._step_microbatches()
    return done


@pytest.mark.parametrize(("ranks", "microbatches"), [(2, 2), (4, 4), (4, 16), (6, 8)])
def test_a_stage_keeps_activations_of_as_many_micro_batches_as_are_in_flight(ranks: int, microbatches: int) -> None:
    """1F1B: as many as stages from it to the last (Narayanan et al., 2021), GPipe: all (Huang et al., 2019)."""
    for stage in range(ranks):
        one, flushed, all_ = (
            bytes_of("kept_for_backward", analysis(PRENORM, settings(ranks, m, stage, schedule=schedule), L=ranks))
            for m, schedule in ((1, "gpipe"), (microbatches, "1f1b"), (microbatches, "gpipe"))
        )
        assert flushed == min(ranks - stage, microbatches) * one
        assert all_ == microbatches * one


def in_full(found: Analysis) -> dict[str, int]:
    """The peak of each phase where every micro-batch is run."""
    with Sizes(found.symbols.values, found.device).active():
        heap = simulate(found.graph, found.run, apart=EVERY)
    lives = timeline(heap, iterations(found.graph, heap))
    made = pieces(lives)
    return {phase: peak_of([p for p in made if p.phase == phase], found.symbols.values) for phase in lives.spans}


@pytest.mark.parametrize("schedule", ["1f1b", "gpipe"])
@pytest.mark.parametrize(("microbatches", "layers"), [(4, 5), (5, 21), (9, 4)])
def test_a_few_micro_batches_stand_for_all(schedule: str, microbatches: int, layers: int) -> None:
    for stage, outputs in ((0, "dropped"), (2, "dropped"), (3, "dropped"), (3, "kept")):
        found = analysis(PRENORM, settings(4, microbatches, stage, schedule=schedule, outputs=outputs), L=layers)
        values = found.symbols.values
        shown = {phase: peak_of([p for p in found.pieces if p.phase == phase], values) for phase in found.timeline.spans}

        assert shown == in_full(found)


@pytest.mark.parametrize("run", [{}, {"precision": "amp-bf16"}, {"checkpoint": "attention"}])
def test_formulas_hold_for_other_batches_and_numbers_of_micro_batches(run: dict[str, str]) -> None:
    for stage in range(3):
        first = analysis(PRENORM, settings(3, 8, stage, **run), L=6)
        other = analysis(PRENORM, settings(3, 11, stage, **run), L=6, B=9, r=24)
        values = other.symbols.values

        assert peak_of(first.pieces, values) == peak_of(other.pieces, values)
        assert {n: evaluate(f, values) for n, f in categories(first).items()} == {n: bytes_of(n, other) for n in categories(other)}


def graph_of(config: str, run: Run, symbols: dict[str, int]) -> Graph:
    """The graph of a stage, or of a whole model, its loops written out."""
    described = with_ranks(model(config), run)
    return trace(described, bind_symbols(described, {name: str(value) for name, value in symbols.items()}), run, unroll=True)


def deterministic(graph: Graph, run: Run) -> Program:
    """A program without dropout."""
    program = Program(graph, "cpu", run)
    program.training = False
    for module in program.modules.values():
        module.eval()
    return program


@pytest.mark.parametrize(
    ("config", "symbols", "more"),
    [
        (PRENORM, {"L": 5}, {}),
        ("bert-base-eager", {"L": 4, "B": 2, "r": 8, "c": 16, "n": 2, "V": 40, "P": 16}, {}),
        ("gpt2-eager", {"L": 3, "B": 2, "r": 8, "c": 16, "n": 2, "V": 40, "P": 16}, {}),
        ("llama-3.2-1b-eager", {"L": 3, "r": 8, "c": 32, "n": 4, "kv": 2, "f": 48, "V": 40}, {"precision": "fp32"}),
        ("t5-small-eager", SMALL_T5, {"split_spec": "t5.decoder,t5.decoder.block.2"}),
        ("resnet18", {"B": 2, "s": 64, "K": 10}, {"split_spec": "layer2,layer4"}),
    ],
)
def test_stages_one_after_the_other_compute_what_the_model_does(config: str, symbols: dict[str, int], more: dict[str, str]) -> None:
    described = model(config)
    alone = read_run(described.run, {k: v for k, v in more.items() if k != "split_spec"})
    whole = deterministic(graph_of(config, alone, symbols), alone)
    whole.forward()
    loss = whole.variables["loss"]
    loss.backward()  # type: ignore[no-untyped-call]

    sent: tuple[torch.Tensor, ...] = ()
    inputs = dict(zip(whole.graph.inputs, whole.inputs))
    gradients: dict[str, torch.Tensor] = {}
    programs = []
    for index in range(3):
        run = read_run(described.run, settings(3, 3, index, **more))
        graph = graph_of(config, run, symbols)
        assert graph.stage is not None
        program = deterministic(graph, run)
        with torch.no_grad():
            for path, parameter in program.parameters.items():
                parameter.copy_(whole.parameters[path])
        program.values |= {tensor: inputs[name] for name, tensor in graph.inputs.items()} | dict(zip(graph.stage.received, sent))
        program.values |= stand_ins(program, graph.stage)
        program._run(graph.stage.forward)
        sent = tuple(program.values[tensor] for tensor in graph.stage.sent)
        programs.append(program)
    program._run(graph.stage.loss)
    assert graph.loss is not None
    piped = program.values[graph.loss]
    piped.backward()  # type: ignore[no-untyped-call]
    for program in programs:
        for path, parameter in program.parameters.items():
            if parameter.grad is not None:
                gradients[path] = gradients.get(path, 0) + parameter.grad

    assert torch.equal(piped, loss)
    assert gradients.keys() == {path for path, p in whole.parameters.items() if p.grad is not None}
    for path, gradient in gradients.items():
        assert torch.allclose(gradient, whole.parameters[path].grad, rtol=1e-3, atol=1e-5), path


def test_each_parameter_is_in_a_stage_and_a_shared_one_in_two() -> None:
    stages = [analysis("gpt2", settings(4, 8, stage), L=6) for stage in range(4)]
    whole = bytes_of("parameters", analysis("gpt2", L=6))
    shared = 4 * 50257 * 768

    assert sum(bytes_of("parameters", stage) for stage in stages) == whole + shared
    told = ["lm.transformer.wte.weight is a parameter of other stages too" in " ".join(stage.graph.warnings) for stage in stages]
    assert told == [True, False, False, True]


def test_stages_together_compute_what_the_model_does() -> None:
    def computed(run: dict[str, str]) -> int:
        found = analysis("gpt2", run, L=5)
        return evaluate(flops(kernels(found))["total"], found.symbols.values)

    assert sum(computed(settings(3, 5, stage)) for stage in range(3)) == computed({"accumulation": "5"})


def test_stages_that_do_the_same() -> None:
    assert alike(("h.2", "h.4", "h.6")) == ((0, 0), (1, 2), (3, 3))
    assert alike(("h.3", "h.5", "h.7", "h.9")) == ((0, 0), (1, 3), (4, 4))
    assert alike(("h.2", "g.4", "g.8", "head")) == ((0, 0), (1, 1), (2, 2), (3, 3), (4, 4))


@pytest.mark.parametrize("schedule", ["1f1b", "gpipe"])
def test_the_stage_that_needs_most_is_reported(schedule: str) -> None:
    run = settings(4, 6, schedule=schedule)
    found = analysis("bert-base", run)
    values = found.symbols.values
    peaks = [peak_of(analysis("bert-base", {**run, "stage": str(stage)}).pieces, values) for stage in range(4)]

    assert found.graph.stage is not None
    assert peak_of(found.pieces, values) == max(peaks) == peaks[found.graph.stage.index]
    notes = " ".join(report("bert-base", run)["notes"])
    assert f"all figures are of stage {found.graph.stage.index} of 4, which needs most" in notes
    assert f"stage 3 {peaks[3] / 2**30:.2f} GiB" in notes


def test_the_largest_batch_is_that_of_every_stage() -> None:
    def largest(stage: int | str) -> int:
        run = settings(2, 4, stage)
        return report("gpt2", run, ("t4",), L=4)["feasibility"][0]["max"]["B"]

    assert largest("worst") == min(largest(0), largest(1))


def test_a_schedule_has_a_single_number_to_return_only_for_itself() -> None:
    result = peakform("check", "bert-base", *(f"run.{k}={v}" for k, v in settings(4, 8, outputs="kept").items()))

    assert result.exit_code == 2
    assert "output 'loss' is a single number" in result.output


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("n_microbatches=4", "run.n_microbatches means nothing with run.parallel=none"),
        ("parallel=pipeline ranks=2", "needs the number of micro-batches"),
        ("parallel=pipeline ranks=4 n_microbatches=3", "3 micro-batches, 4 stages"),
        ("parallel=pipeline ranks=1 n_microbatches=3", "run.parallel=pipeline is for several GPUs, and ranks is 1"),
        ("parallel=pipeline ranks=4 n_microbatches=8 stage=4", "there is no stage 4 of 4"),
        ("parallel=pipeline ranks=4 n_microbatches=8 stage=first", "run.stage cannot be 'first'"),
        ("parallel=pipeline ranks=13 n_microbatches=13", "has 12 iterations, too few for 13 stages"),
        ("parallel=pipeline ranks=2 n_microbatches=2 accumulation=2", "run.n_microbatches=2"),
        ("parallel=pipeline ranks=2 n_microbatches=2 precision=amp-fp16", "a GradScaler has no place"),
        ("parallel=pipeline ranks=2 n_microbatches=2 zero_grad=before_backward", "run.zero_grad=after_step"),
        ("parallel=pipeline ranks=2 n_microbatches=2 mode=infer", "is for training"),
        ("parallel=pipeline ranks=3 n_microbatches=3 split_spec=model.cls", "where 2 stages begin"),
        ("parallel=pipeline ranks=2 n_microbatches=2 split_spec=model.cl", "did you mean 'model.cls'?"),
        ("parallel=pipeline ranks=2 n_microbatches=2 split_spec=model.bert.encoder.layer.12", "iterations 0 to 11"),
        ("parallel=pipeline ranks=2 n_microbatches=2 checkpoint=bert_encoder", "inside of a checkpointed block"),
    ],
)
def test_settings_that_mean_nothing_are_refused(given: str, message: str) -> None:
    result = peakform("check", "bert-base", *(f"run.{setting}" for setting in given.split()))

    assert result.exit_code == 2
    assert message in result.output
