#!/bin/bash
# A small sweep on a cluster that `ray up` starts from deploy/on-prem.yaml, run by tests/cluster/test_ray_up.py beside
# the machines of ssh_nodes.sh. FOLDER has the key of the machines, PROJECT and VENV are the project and its environment.
set -eu
cd "$PROJECT"
export RAY_AUTH_MODE=token
config=$FOLDER/cluster.yaml
ray get-auth-token --generate > /dev/null
python - << PYTHON
import yaml
config = yaml.safe_load(open("deploy/on-prem.yaml"))
config["provider"] |= {"head_ip": "10.99.0.1", "worker_ips": ["10.99.0.2", "10.99.0.3", "10.99.0.250"]}
config["auth"] = {"ssh_user": "root", "ssh_private_key": "$FOLDER/key"}
# The environment of the tests, with the project as the launcher copies it.
config["setup_commands"] = [
    "test -e ~/venv || ln -s $VENV ~/venv",
    "echo 'export PYTHONPATH=\$HOME/transfer-sweeper OMP_NUM_THREADS=1' >> ~/.bashrc",
    config["setup_commands"][-1],
]
# No trial runs on the head.
config["head_start_ray_commands"][-1] += " --num-cpus=0"
config["worker_start_ray_commands"][-1] += " --num-cpus=1"
yaml.safe_dump(config, open("$config", "w"))
PYTHON

python -c "from moto.server import main; main()" -H 10.99.0.254 -p 5000 > "$FOLDER/log/moto" 2>&1 &
export AWS_ENDPOINT_URL=http://10.99.0.254:5000 AWS_ACCESS_KEY_ID=testing AWS_SECRET_ACCESS_KEY=testing
export AWS_DEFAULT_REGION=us-east-1
ray up --yes --no-config-cache "$config"
for _ in $(seq 100); do
  ray exec "$config" 'ray status' 2> /dev/null | grep -q ' 3 local.cluster.node' && break
  sleep 3
done
python -c "import boto3; boto3.client('s3').create_bucket(Bucket='sweeps')"

ssh -N -i "$FOLDER/key" -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
  -L 8265:127.0.0.1:8265 root@10.99.0.1 2> "$FOLDER/log/forward" &
until curl --silent http://127.0.0.1:8265 > /dev/null; do sleep 1; done
variables=$(python -c "
import json, os
print(json.dumps({'env_vars': {name: value for name, value in os.environ.items() if name.startswith('AWS_')}}))")
ray job submit --address http://127.0.0.1:8265 --runtime-env-json "$variables" -- \
  sweeper run tiny --out s3://sweeps/tiny --address auto --cache "$FOLDER/tmp/cache"

# The page of the run through a forwarded port.
aws=$(env | grep '^AWS_' | tr '\n' ' ')
ray exec "$config" --port-forward 8800 "env $aws timeout 120 sweeper dashboard s3://sweeps/tiny --port 8800" \
  > "$FOLDER/log/dashboard" 2>&1 &
for _ in $(seq 60); do
  curl --silent http://127.0.0.1:8800/ > "$FOLDER/page.html" && break
  sleep 2
done
python -c "
import fsspec
fsspec.filesystem('s3').get('sweeps/tiny/', '$FOLDER/run/', recursive=True)"
ray down --yes "$config"
