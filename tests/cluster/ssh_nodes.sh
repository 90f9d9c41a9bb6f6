#!/bin/bash
# Runs a command beside three machines that answer to SSH (node1, node2, node3), on this machine:
#
#   unshare --net --mount --uts --pid --fork --kill-child --mount-proc bash ssh_nodes.sh FOLDER COMMAND ...
#
# Needs root, sshd, rsync and iproute2. FOLDER/key is the private key. Each node has an empty home folder and a /tmp/ray
# of its own. The command has FOLDER/laptop as its home folder.
set -eu
# shellcheck source=tests/cluster/nodes.sh
source "$(dirname "${BASH_SOURCE[0]}")/nodes.sh"
folder=$1
shift
mkdir -p "$folder/home" "$folder/laptop" /run/sshd /tmp/ray
make_nodes "$folder" 3
mount -t tmpfs none /tmp/ray
ssh-keygen -q -t ed25519 -N '' -f "$folder/key"
ssh-keygen -q -t ed25519 -N '' -f "$folder/host_key"
cp "$folder/key.pub" "$folder/authorized_keys"
chmod 600 "$folder/authorized_keys"
sed "s|^root:.*|root:x:0:0:root:$folder/home:/bin/bash|" /etc/passwd > "$folder/passwd"
for node in 1 2 3; do
  start_node "$folder" "$node" "
    mount -t tmpfs none '$folder/home'
    mount -t tmpfs none /tmp/ray
    mount --bind '$folder/passwd' /etc/passwd
    exec \$(command -v sshd) -D -e -f /dev/null -h '$folder/host_key' -o StrictModes=no -o UsePAM=no \
      -o AuthorizedKeysFile='$folder/authorized_keys' -o PidFile=none"
done
export HOME=$folder/laptop
exec "$@"
