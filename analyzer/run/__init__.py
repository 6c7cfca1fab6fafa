"""Runs a graph: autograd, the optimizer and reference counts, with symbolic bytes."""

from analyzer.run import kernel_attention as kernel_attention
from analyzer.run import kernel_cells as kernel_cells
from analyzer.run import kernel_collectives as kernel_collectives
from analyzer.run import kernel_convolutions as kernel_convolutions
from analyzer.run import kernel_plans as kernel_plans
from analyzer.run import kernel_pooling as kernel_pooling
from analyzer.run import kernel_products as kernel_products
from analyzer.run import kernel_recurrent as kernel_recurrent
from analyzer.run import kernel_resize as kernel_resize
