#!/usr/bin/env bash
# Without slurmdbd, Slurm's TRES of a job never name its GPUs.
#
# slurmctld schedules GPUs without slurmdbd, and gives jobs what they ask for. But it counts them as a TRES only if
# AccountingStorageTRES names gres/gpu, and with that line it does not start without slurmdbd: a fatal error. So whoever
# counts a job's GPUs by TRES (squeue's tres-alloc, tres_alloc_str of slurmrestd, AllocTRES) finds none on such clusters;
# they are in TresPerNode, and in the details of GRES.
#
# Seen with Debian 12's slurmctld and slurm-client 22.05.8-4+deb12u3, as root, on a free port of this machine, with no node
# behind it. Needs Debian 12 and its package lists (apt-get update).
set -euo pipefail

work=$(mktemp -d)
controller=''
trap '[ -z "$controller" ] || kill "$controller"; wait; rm -rf "$work"' EXIT
cd "$work"
version=22.05.8-4+deb12u3
apt-get -q download {slurmctld,slurm-client,slurm-wlm-basic-plugins}="$version" >apt.log 2>&1 || { cat apt.log >&2; exit 1; }
for package in ./*.deb; do
    dpkg -x "$package" root
done
libraries=$(dirname "$(find "$work/root" -path '*/slurm-wlm/*' -name '*.so' | head -n 1)")
export LD_LIBRARY_PATH=$libraries SLURM_CONF=$work/slurm.conf
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
mkdir state
printf '%s\n' ClusterName=c SlurmctldHost=localhost "SlurmctldPort=$port" SlurmUser=root "PluginDir=$libraries" AuthType=auth/none \
    CredType=cred/none "StateSaveLocation=$work/state" "SlurmctldPidFile=$work/pid" MpiDefault=none ProctrackType=proctrack/pgid \
    SelectType=select/cons_tres AccountingStorageType=accounting_storage/none GresTypes=gpu \
    'NodeName=n1 Gres=gpu:2' 'PartitionName=p Nodes=n1 Default=YES' >slurm.conf
echo 'NodeName=n1 Name=gpu File=/dev/tty[20-21]' >gres.conf
command_of() { timeout 20 "root/usr/bin/$1" "${@:2}"; }

root/usr/sbin/slurmctld-wlm -D >slurmctld.log 2>&1 &
controller=$!
for _ in {1..100}; do
    ! command_of scontrol ping 2>/dev/null | grep -q UP || break
    sleep 0.2
done
printf '#!/bin/sh\ntrue\n' >job
job=$(command_of sbatch --parsable --hold --gres=gpu:1 job)
seen=$(command_of scontrol -o show job "$job" | grep -oE '\b(TRES|TresPerNode)=[^ ]*' | xargs)
echo "a job with --gres=gpu:1: $seen"
kill "$controller"
wait "$controller" || true
controller=''
[[ $seen = TRES=*TresPerNode=gres:gpu:1 && $seen != TRES=*gres/gpu* ]] || { echo "changed: GPUs are a TRES, or not asked for" >&2; exit 1; }

echo 'AccountingStorageTRES=gres/gpu' >>slurm.conf
if timeout 20 root/usr/sbin/slurmctld-wlm -D >slurmctld.log 2>&1 || ! grep 'slurmdbd is required to run with TRES gres/gpu' slurmctld.log; then
    echo "changed: slurmctld starts with AccountingStorageTRES=gres/gpu, or fails for another reason" >&2
    exit 1
fi
echo "as stated, with $version"
