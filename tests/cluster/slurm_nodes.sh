#!/bin/bash
# Runs a command on a Slurm cluster with a controller and two nodes on this machine:
#
#   unshare --net --mount --uts --pid --fork --mount-proc bash slurm_nodes.sh FOLDER COMMAND ...
#
# Needs root, slurmctld, slurmd, munge and iproute2. FOLDER receives the configuration and the logs; its path must be
# short.
set -eu
# shellcheck source=tests/cluster/nodes.sh
source "$(dirname "${BASH_SOURCE[0]}")/nodes.sh"
folder=$1
shift
mkdir -p "$folder"/{state,munge,spool-node1,spool-node2}
chmod 711 "$folder" "$folder/munge"

cat > "$folder/slurm.conf" << CONF
ClusterName=test
SlurmctldHost=controller(10.99.0.254)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
# A job that is put back into the queue waits until its credential has expired.
AuthInfo=socket=$folder/munge/socket,cred_expire=5
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool-%n
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd-%n.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/linear
ReturnToService=2
SlurmdParameters=config_overrides
SchedulerParameters=batch_sched_delay=1,sched_interval=2
KillWait=10
NodeName=node1 NodeAddr=10.99.0.1 NodeHostname=node1 CPUs=2 RealMemory=1000
NodeName=node2 NodeAddr=10.99.0.2 NodeHostname=node2 CPUs=2 RealMemory=1000
PartitionName=all Nodes=node[1-2] Default=YES MaxTime=INFINITE State=UP
CONF
echo "CgroupPlugin=cgroup/v1" > "$folder/cgroup.conf"
make_nodes "$folder" 2

dd if=/dev/urandom of="$folder/munge/key" bs=1024 count=1 status=none
chmod 600 "$folder/munge/key"
munged --force --key-file="$folder/munge/key" --socket="$folder/munge/socket" --pid-file="$folder/munge/pid" \
  --seed-file="$folder/munge/seed" --log-file="$folder/munge/log"
export SLURM_CONF=$folder/slurm.conf
slurmctld -D -f "$SLURM_CONF" > "$folder/log/slurmctld" 2>&1 &
for node in 1 2; do
  start_node "$folder" "$node" "exec slurmd -D -N node$node -f '$SLURM_CONF'"
done
for _ in $(seq 60); do
  [ "$(sinfo --noheader --format '%T %D')" = "idle 2" ] && exec "$@"
  sleep 1
done
echo "The nodes of Slurm have not started:" >&2
tail "$folder"/log/* >&2
exit 1
