# Functions that make nodes of a cluster on this machine. Source it inside namespaces of its own:
#
#   unshare --net --mount --uts --pid --fork --kill-child --mount-proc bash SCRIPT
#
# Each node has an address, a host name, mounts and a PID namespace of its own, so that `ray stop` ends only the Ray of
# its node. All processes end with the outer PID namespace. Needs root and iproute2.
# shellcheck shell=bash

# make_nodes FOLDER NUM: the hosts `controller` (this one, 10.99.0.254) and node1, node2 ... (10.99.0.1, 10.99.0.2 ...).
make_nodes() {
  local folder=$1 num=$2 node
  mkdir -p "$folder/log" /run/netns
  {
    echo "127.0.0.1 localhost"
    echo "10.99.0.254 controller"
    for node in $(seq "$num"); do echo "10.99.0.$node node$node"; done
  } > "$folder/hosts"
  mount --bind "$folder/hosts" /etc/hosts
  mount -t tmpfs none /run/netns
  hostname controller
  ip link set lo up
  ip link add bridge0 type bridge
  ip address add 10.99.0.254/24 dev bridge0
  ip link set bridge0 up
  for node in $(seq "$num"); do
    ip netns add "node$node"
    ip link add "link$node" type veth peer name eth0 netns "node$node"
    ip link set "link$node" master bridge0 up
    ip -n "node$node" address add "10.99.0.$node/24" dev eth0
    ip -n "node$node" link set eth0 up
    ip -n "node$node" link set lo up
  done
}

# start_node FOLDER NUMBER TEXT: runs the text as a script in the node, with a temporary folder of the node at FOLDER/tmp.
start_node() {
  local folder=$1 node=$2 script=$3
  ip netns exec "node$node" unshare --uts --mount --pid --fork --kill-child --mount-proc bash -c "
    hostname node$node
    mkdir -p '$folder/tmp' && mount -t tmpfs none '$folder/tmp'
    $script" > "$folder/log/node$node" 2>&1 &
}
