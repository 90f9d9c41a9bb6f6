#!/usr/bin/env bash
# A working day of a researcher with real text: own data, any value, a look inside every trial.
# Usage: tests/day.sh MIRROR [PYTHON]. Needs a mirror with models/mini-xlmr; works in a temporary folder; some minutes.
# It stops with exit code 1 at the first command that does not do what it should.
set -euo pipefail

mirror=$(realpath "$1")
python=$(realpath -s "${2:-$(dirname "$0")/../.venv/bin/python}")
root=$(realpath "$(dirname "$0")/..")
export PYTHONPATH=$root COLUMNS=160 HF_HUB_OFFLINE=1 RAY_USAGE_STATS_ENABLED=0
unset SWEEPER_MIRROR SWEEPER_STORE SWEEPER_CACHE
day=$(mktemp -d)
trap 'rm -rf "$day"' EXIT
cd "$day"

sweeper() { "$python" -m sweeper "$@"; }
fail() { echo "FAILED: $*" >&2; exit 1; }

# shows TEXT COMMAND...: the command succeeds, and its output contains the text.
shows() {
    local text=$1 output
    shift
    echo "\$ $*"
    output=$("$@" 2>&1) || fail "exit code $? of: $*"$'\n'"$output"
    [[ $output == *"$text"* ]] || fail "no '$text' in the output of: $*"$'\n'"$output"
}

# refuses TEXT COMMAND...: the command ends with exit code 2 and a message with the text, without a traceback.
refuses() {
    local text=$1 output code=0
    shift
    echo "\$ $*"
    output=$("$@" 2>&1) || code=$?
    [[ $code == 2 && $output == *"$text"* && $output != *Traceback* ]] || fail "exit code $code of: $*"$'\n'"$output"
}

echo "== Part 1: own data and models"
"$python" - "$mirror" <<'PY'
"""Write a CSV file of the user: English sentence pairs of the mirror."""
import sys
import datasets
rows = datasets.load_dataset(f"{sys.argv[1]}/datasets/google-research-datasets/paws-x", "en", split="train[:400]")
rows.remove_columns([name for name in rows.column_names if name not in ("sentence1", "sentence2", "label")]).to_csv("own.csv")
PY
cat > study.py <<'PY'
from sweeper.space import Model, Recipe, Rows, Search, Space, Stage, Target, Task, Training

SHORT = Training(learning_rate=2e-4, epochs=1, batch_size=16, max_length=96, cap_tokens=4_000)
SPACE = Space(
    name="study",
    models=(Model(name="mini", id="mini-xlmr"),),
    recipes=(Recipe(name="baseline"), *(Recipe(name=n, stages=(Stage(tasks=(n,), training=SHORT),)) for n in ("own", "mrpc"))),
    targets=tuple(Target(task=t, training=SHORT, languages=("en", "de")) for t in ("xnli", "pawsx", "ner")),
    tasks=(Task(name="own", format="classify", train=Rows(id="own.csv", split="train[:90%]"), dev=Rows(id="own.csv", split="train[90%:]")),),
    seeds=(1, 2),
    search=Search(cap=50),
    eval_cap=30,
)
PY
sed 's/mini-xlmr/mini-xlm/' study.py > typo.py
shows "labels 0, 1" sweeper show study.py --task own --mirror "$mirror"
shows "B-" sweeper show study.py --task ner --language de --split dev --mirror "$mirror"
shows "every column, label and language of the space exists" sweeper plan study.py --check --mirror "$mirror"
refuses "Did you mean 'mini-xlmr'?" sweeper run typo.py --mirror "$mirror"
refuses "/no/such" sweeper plan study.py --mirror /no/such

echo "== Part 2: changing and resuming"
export SWEEPER_MIRROR=$mirror
shows "text_small" sweeper spaces
shows "targets.xnli.training.learning_rate = 0.0002" sweeper space study.py
shows "targets.xnli.training.learning_rate = 1e-05" sweeper space study.py --set targets.xnli.training.learning_rate=1e-5
shows "recipes.own.stages.0.training.batch_size = 8" sweeper space study.py --set 'recipes.*.stages.*.training.batch_size=8'
shows "33 search trials" sweeper plan study.py --set dials.learning_rate=1e-4,2e-4,4e-4
refuses "Did you mean 'learning_rate'?" sweeper plan study.py --set targets.xnli.training.learning_rat=1e-5
shows "runs the rest" sweeper run study.py --only recipes=baseline --only targets=xnli
code=0
echo "\$ timeout -s TERM 40 sweeper run runs/study"
timeout --preserve-status -s TERM 40 "$python" -m sweeper run runs/study > stopped.log 2>&1 || code=$?
[[ $code == 130 || $code == 0 ]] || fail "exit code $code of a stopped run"$'\n'"$(cat stopped.log)"

echo "== Part 3: looking inside a trial"
echo "\$ sweeper run runs/study, and sweeper status meanwhile"
"$python" -m sweeper run runs/study --tracker tensorboard > run.log 2>&1 &
driver=$!
seen=""
while kill -0 $driver 2> /dev/null; do
    output=$(sweeper status runs/study) || fail "sweeper status: $output"
    [[ $output == *step*loss*left* ]] && seen=$output
    sleep 1
done
wait $driver || fail "exit code $? of sweeper run"$'\n'"$(cat run.log)"
[[ $code == 0 || -n $seen ]] || fail "no status showed step, loss and time left of a running trial"
echo "$seen"
shows "Complete." sweeper status runs/study
shows "gradient norm" sweeper trial runs/study "own -> xnli/seed 1"
refuses "Did you mean" sweeper trial runs/study "own -> xnly/seed 1"
shows "Same as the ledger." sweeper trial runs/study "own -> xnli/seed 1" --again
ls runs/study/logs/*.log > /dev/null
find runs/study -name 'events.out.tfevents.*' | grep -q . || fail "the tracker wrote nothing"
shows "Report:" sweeper report runs/study
shows "Exported:" sweeper export runs/study --recipe own --target ner --with-head --out tagger
"$python" -c "from transformers import pipeline; print(pipeline('token-classification', model='tagger')('Angela Merkel lives in Berlin .'))"
echo "The day went well."
