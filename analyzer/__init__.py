"""peakform: closed forms for the parameters and peak memory of a neural network written in YAML.

text --load--> Document --build--> Graph --run--> Timeline --peaks--> Pieces --bind--> Report --render--> text
"""

__version__ = "0.1.0"
