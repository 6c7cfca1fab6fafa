#!/bin/bash
# Run a Python program with PyTorch's CUDA build over the null CUDA libraries: no GPU needed.
#   ./run.sh setup           once: fetch the CUDA wheel, build the null libraries (about a minute, 3 GB in $NULLCUDA_HOME)
#   ./run.sh PROGRAM [ARG..] run it; `import torch` is the CUDA build, `torch.cuda.is_available()` is True
# NULLCUDA_HOME (default ~/.cache/nullcuda) holds what is fetched and built, with a virtual environment of its own.
set -e
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
home=${NULLCUDA_HOME:-$HOME/.cache/nullcuda}
py=$home/venv/bin/python
if [ "${1-}" = setup ]; then
  mkdir -p "$home"/{whl,torch,extra,hdr}
  [ -x "$py" ] || python3 -m venv "$home/venv"
  $py -m pip install -q numpy sympy networkx jinja2 filelock fsspec typing_extensions transformers
  $py -m pip download -q --no-deps -d "$home/whl" 'torch===2.13.0' 'nvidia-cuda-runtime==13.0.*' 'nvidia-cuda-crt==13.0.*'
  $py -m pip install -q --no-deps --no-compile --upgrade --target "$home/torch" "$home"/whl/torch-2.13.0-*.whl
  $py -m pip install -q --no-deps --no-compile --upgrade --target "$home/extra" torchvision pillow
  for w in "$home"/whl/nvidia*.whl; do (cd "$home/hdr" && $py -m zipfile -e "$w" .); done
  $py "$here/build.py" "$home/torch/torch/lib" "$home/hdr/nvidia/cu13/include" "$home/lib"
  exit
fi
export LD_LIBRARY_PATH=$home/lib
export PYTHONPATH=$home/torch:$home/extra:$(dirname "$(dirname "$here")")${PYTHONPATH:+:$PYTHONPATH}
exec "$py" "$@"
