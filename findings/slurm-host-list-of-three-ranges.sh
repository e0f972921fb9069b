#!/usr/bin/env bash
# Slurm does not expand a host list of three ranges like an odometer.
#
# With two ranges in a name, the last one turns fastest, as in a shell's braces. With three, the last turns fastest, then
# the FIRST, then the second. Whoever expands Slurm's host lists with nested loops gets the same names in another order,
# and whatever is paired with them by position (SLURM_JOB_CPUS_PER_NODE, tasks per node) goes to the wrong nodes.
#
# Seen with Debian 12's slurm-client 22.05.8-4+deb12u3, whose scontrol expands host lists without a controller. Needs
# Debian 12 and its package lists (apt-get update).
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
version=22.05.8-4+deb12u3
apt-get -q download "slurm-client=$version" "slurm-wlm-basic-plugins=$version" >apt.log 2>&1 || { cat apt.log >&2; exit 1; }
for package in ./*.deb; do
    dpkg -x "$package" root
done
libraries=$(dirname "$(find "$work/root" -path '*/slurm-wlm/*' -name '*.so' | head -n 1)")
printf '%s\n' ClusterName=c SlurmctldHost=localhost NodeName=n1 PartitionName=p\ Nodes=n1 "PluginDir=$libraries" \
    AuthType=auth/none CredType=cred/none >slurm.conf

expanded() {
    SLURM_CONF=$work/slurm.conf LD_LIBRARY_PATH=$libraries "$work/root/usr/bin/scontrol" show hostnames "$1" | xargs
}

expect() {
    got=$(expanded "$1")
    printf '%-20s %s\n' "$1" "$got"
    [ "$got" = "$2" ] || { echo "changed: expected $2" >&2; exit 1; }
}

expect 'c[1-2]n[1-2]' 'c1n1 c1n2 c2n1 c2n2'
expect 'r[1-2]c[1-2]n[1-2]' 'r1c1n1 r1c1n2 r2c1n1 r2c1n2 r1c2n1 r1c2n2 r2c2n1 r2c2n2'
echo "as stated, with $version"
