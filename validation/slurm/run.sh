#!/bin/bash
# A real Slurm on this machine, to hold `peakform cluster from-sinfo` and `peakform submit-check` against: Debian's packages
# slurmctld, slurmd, slurm-client and munge, as root.
#   run.sh setup            installs them (apt-get)
#   run.sh start [FOLDER]   starts munged, slurmctld and one slurmd with slurm.conf and gres.conf beside this file
#   run.sh capture FOLDER   writes what sinfo prints there: text, with and without a header, and JSON
#   run.sh stop             stops them
# The node that slurmd is says it has four A100; the other nodes of slurm.conf never answer, which sinfo tells as it does of
# real ones that are down. State and logs lie in $SLURM_TEST_HOME (default /var/tmp/peakform-slurm).
set -e
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
home=${SLURM_TEST_HOME:-/var/tmp/peakform-slurm}
export SLURM_CONF=$home/slurm.conf

case "${1-}" in
setup)
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends slurmctld slurmd slurm-client munge
  ;;
start)
  mkdir -p "$home"/{state,spool}
  touch "$home"/card{0,1,2,3}
  host=$(hostname -s)
  for file in slurm.conf gres.conf; do sed "s/@HOST@/$host/g; s:@HOME@:$home:g" "$here/$file" >"$home/$file"; done
  mkdir -p /run/munge && chown munge: /run/munge
  pgrep -x munged >/dev/null || runuser -u munge -- /usr/sbin/munged
  slurmctld -i
  slurmd
  for _ in $(seq 30); do
    timeout 5 sinfo -h -n "$host" -o %T 2>/dev/null | grep -q idle && exit
    sleep 1
  done
  echo "the node did not come up: see the logs in $home" >&2
  exit 1
  ;;
capture)
  out=${2:?a folder}
  sinfo -o "%P %G %D %l %f" >"$out/sinfo.txt"
  sinfo -h -o "%P|%G|%D|%l|%f|%c|%m" >"$out/sinfo-bars.txt"
  sinfo --json >"$out/sinfo-22.05.json"
  scontrol show partition --oneliner >"$out/partitions.txt"
  ;;
stop)
  for name in slurmd slurmctld; do [ ! -e "$home/$name.pid" ] || kill "$(cat "$home/$name.pid")" || true; done
  ;;
*)
  sed -n '2,9s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
  exit 2
  ;;
esac
