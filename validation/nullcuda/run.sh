#!/bin/bash
# Runs a Python program with PyTorch's CUDA build over stand-ins for the CUDA libraries: no GPU needed.
#   run.sh setup             once: fetches the CUDA wheel and builds the stand-ins (about a minute, 3 GB)
#   run.sh setup extra       once, after it: timm, scvi-tools, scGPT and enformer-pytorch with what they need (600 MB)
#   run.sh PROGRAM [ARG..]   runs it: `import torch` is the CUDA build, and torch.cuda.is_available() is True
# What is fetched and built lies in $NULLCUDA_HOME (default ~/.cache/nullcuda), in a virtual environment of its own.
set -e
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
home=${NULLCUDA_HOME:-$HOME/.cache/nullcuda}
python=$home/venv/bin/python
if [ "${1-} ${2-}" = "setup extra" ]; then
  exec "$python" -m pip install -q --no-deps --no-compile --upgrade --target "$home/more" -r "$here/extra.txt"
fi
if [ "${1-}" = setup ]; then
  mkdir -p "$home"/{whl,torch,extra,hdr}
  [ -x "$python" ] || python3 -m venv "$home/venv"
  $python -m pip install -q numpy sympy networkx jinja2 filelock fsspec typing_extensions transformers==5.23.0 pyyaml jsonschema click
  $python -m pip download -q --no-deps -d "$home/whl" 'torch===2.13.0' 'nvidia-cuda-runtime==13.0.*' 'nvidia-cuda-crt==13.0.*'
  $python -m pip install -q --no-deps --no-compile --upgrade --target "$home/torch" "$home"/whl/torch-2.13.0-*.whl
  $python -m pip install -q --no-deps --no-compile --upgrade --target "$home/extra" torchvision==0.28.0 pillow
  $python -m pip install -q --no-deps --no-compile --upgrade --target "$home/extra" peft==0.21.2 accelerate psutil
  for wheel in "$home"/whl/nvidia*.whl; do (cd "$home/hdr" && $python -m zipfile -e "$wheel" .); done
  $python "$here/build.py" "$home/torch/torch/lib" "$home/hdr/nvidia/cu13/include" "$home/lib"
  exit
fi
export LD_LIBRARY_PATH=$home/lib
export PYTHONPATH=$home/torch:$home/extra:$(dirname "$(dirname "$here")")${PYTHONPATH:+:$PYTHONPATH}:$home/more
export PYTHONPYCACHEPREFIX=$home/pycache  # compiled once, wherever the sources lie
unset PYTHONDONTWRITEBYTECODE
exec "$python" "$@"
