#!/usr/bin/env bash
# Checks one Promela model, exhaustively, in a temporary directory of its own.
#   run_model.sh pass MODEL [-DNAME[=VALUE]...]            no violation, in a complete search
#   run_model.sh fail MODEL MUTANT [-DNAME[=VALUE]...]     the mutant must violate something
# Of the further arguments, -O…, -DCOLLAPSE, -DREVERSE and -DT_REVERSE go to the C compiler: small searches take less time
# than optimising them; large ones fit into less memory (a third of it, for half as much time again); and with processes
# and choices in the reverse order a mutant may be found out ten times as early. TENURE_MODEL_MB limits the memory.
# Exit status 0: as expected; 1: not; 77: spin or a C compiler is not installed.
set -euo pipefail

expected=$1
model=$(realpath "$2")
shift 2
definitions=()
optimise=(-O2)
if [ "$expected" = fail ]; then
  mutant=$1
  shift
  definitions=("-D$mutant")
  optimise=(-O0)
  grep -Eq "^#(ifn?def|if|elif).*\b$mutant\b" "${model%.pml}"*.pml || { echo "no mutant $mutant in $model" >&2; exit 1; }
fi

for argument in "$@"; do
  case $argument in
    -O*) optimise=("$argument") ;;
    -DCOLLAPSE | -DREVERSE | -DT_REVERSE) optimise+=("$argument") ;;
    *) definitions+=("$argument") ;;
  esac
done

for program in spin gcc; do
  command -v "$program" >/dev/null || { echo "skipped: $program is not installed (./check installs it)" >&2; exit 77; }
done

work=$(mktemp -d "${TMPDIR:-/tmp}/tenure-model.XXXXXX")
trap 'rm -rf "$work"' EXIT
cp "${model%/*}"/*.pml "$work"
model=${model##*/}
cd "$work"

spin -a ${definitions[@]+"${definitions[@]}"} "$model" >spin.txt || { cat spin.txt >&2; exit 1; }
gcc -w "${optimise[@]}" -DSAFETY -DMEMLIM="${TENURE_MODEL_MB:-3000}" -o pan pan.c
status=0
./pan -m20000 -w24 >pan.txt 2>&1 || status=$?

errors=$(sed -n 's/.*errors: \([0-9]*\)$/\1/p' pan.txt)
states=$(sed -n 's/^ *\([0-9e.+]*\) states, stored.*/\1/p' pan.txt)
seconds=$(sed -n 's/^pan: elapsed time \([0-9.]*\) seconds/\1/p' pan.txt)
violation=$(sed -n 's/^pan:1: //p' pan.txt)
echo "$model ${definitions[*]-}: errors ${errors:-?}, $states states, $seconds s${violation:+: $violation}"

fault() {
  echo "$1" >&2
  cat pan.txt >&2
  [ ! -e "$model.trail" ] || spin -t -p ${definitions[@]+"${definitions[@]}"} "$model" >&2 || true
  exit 1
}
[ -n "$errors" ] || fault "the search ended without a result (status $status)"
if [ "$expected" = fail ]; then
  [ "$errors" -ge 1 ] || fault "the mutant $mutant violates nothing"
  [[ $violation == *"assertion violated"* || $violation == *"invalid end state"* ]] || fault "no violation of a property"
else
  [ "$errors" = 0 ] || fault "violated: $violation"
  ! grep -Eqi 'max search depth too small|search not completed|out of memory|memory limit|hash table is full' pan.txt ||
    fault "the search was not complete"
  grep -q 'Full statespace search' pan.txt || fault "the search was not exhaustive"
fi
