#!/bin/bash
# A real Slurm on this machine, to hold `peakform cluster from-sinfo` and `peakform submit-check` against: Debian's packages
# slurmctld, slurmd, slurm-client and munge, as root.
#   run.sh setup            installs them (apt-get)
#   run.sh start            starts munged, slurmctld and five slurmd with slurm.conf and gres.conf beside this file
#   run.sh capture FOLDER   writes what sinfo prints there: text, with and without a header, and JSON
#   run.sh measure          sends measurements to it (python -m validation submit), over nullcuda; needs submitit
#   run.sh check            holds every offer of submit-check against sbatch --test-only
#   run.sh stop             stops them
# One node of each kind runs on this machine, with files for cards; the others of slurm.conf never answer, which sinfo tells as
# it does of real ones that are down. State and logs lie in $SLURM_TEST_HOME (default /var/tmp/peakform-slurm).
set -e
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
home=${SLURM_TEST_HOME:-/var/tmp/peakform-slurm}
export SLURM_CONF=$home/slurm.conf
nodes='@HOST@ gpu06 gpu08 mig01 old01'

case "${1-}" in
setup)
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends slurmctld slurmd slurm-client munge
  ;;
start)
  mkdir -p "$home"/state
  touch "$home"/card{0..17}
  host=$(hostname -s)
  for file in slurm.conf gres.conf; do sed "s/@HOST@/$host/g; s:@HOME@:$home:g" "$here/$file" >"$home/$file"; done
  mkdir -p /run/munge && chown munge: /run/munge
  pgrep -x munged >/dev/null || runuser -u munge -- /usr/sbin/munged
  slurmctld -i
  for node in $nodes; do slurmd -N "${node/@HOST@/$host}"; done
  for _ in $(seq 30); do
    [ "$(timeout 5 sinfo -h -t idle -o %D -p gpu,gpu-long,mig,old 2>/dev/null | awk "{n += \$1} END {print n}")" = 5 ] && exit
    sleep 1
  done
  echo "the nodes did not come up: see the logs in $home" >&2
  exit 1
  ;;
capture)
  out=${2:?a folder}
  sinfo -o "%P %G %D %l %f" >"$out/sinfo.txt"
  sinfo -h -o "%P|%G|%D|%l|%f|%a" >"$out/sinfo-bars.txt"
  sinfo -o "%20P %8a %12G %10l %D %t" >"$out/sinfo-cut.txt"
  sinfo -N -O "NodeList:20,Partition:20,Gres:60,Nodes:8,Time:14,Features:40" >"$out/sinfo-nodes.txt"
  sinfo --json | sed 's/"operating_system": "[^"]*"/"operating_system": ""/' >"$out/sinfo-22.05.json"
  ;;
check)
  cd "$here/../.." && exec "${PYTHON:-python3}" -m validation.slurm.check
  ;;
measure)
  cd "$here/../.." && exec "${PYTHON:-python3}" -m validation submit scperb B=8 --partition gpu --gres gpu:a100:1 --gres gpu:h100:1 \
    --time 20 --python "$here/../nullcuda/run.sh" -o "$home/measured"
  ;;
stop)
  for pid in "$home"/*.pid; do kill "$(cat "$pid")" || true; done
  ;;
*)
  sed -n '2,11s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
  exit 2
  ;;
esac
