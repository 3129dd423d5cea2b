#!/bin/bash
# Proves what docs/PROTOCOL.md promises, and that each check is needed for it. `run.sh` runs the lines of
# runs.txt, `run.sh WORD…` those that hold every WORD. Status: 0 if each run gave what runs.txt expects, 1 if
# one did not, 2 if nothing could be run. JOBS sets how many run at once, LIMIT the seconds that one may take.
cd "$(dirname "$0")" || exit 2
PV=${PV:-$(command -v proverif)}
[ -x "$PV" ] || {
  echo "run.sh: ProVerif is missing. Build version 2.05 from the source at" >&2
  echo "  https://bblanche.gitlabpages.inria.fr/proverif/ (apt-get install m4 ocaml-nox; ./build -nointeract)," >&2
  echo "  then set PV to the path of its program: PV=…/proverif $0" >&2
  exit 2
}
command -v m4 >/dev/null || { echo "run.sh: m4 is missing: apt-get install m4" >&2; exit 2; }
OUT=$(mktemp -d)
export PV OUT
trap 'rm -rf "$OUT"' EXIT
one() { # N FILE EXPECTED FLAGS…
  local n=$1 file=$2 expected=$3 got rc
  shift 3
  m4 "$@" "$file.m4" >"$OUT/$n.pv"
  timeout "${LIMIT:-120}" "$PV" "$OUT/$n.pv" >"$OUT/$n.out" 2>&1
  rc=$?
  got=$(sed -nE '/^RESULT \(/d; s/^RESULT .*(is true|is false|cannot be proved).*/\1/p' "$OUT/$n.out" |
    sed 's/is true/T/; s/is false/F/; s/cannot be proved/?/' | tr -d '\n')
  [ $rc = 0 ] || got="status $rc: $(grep -m1 -E 'Error|error' "$OUT/$n.out")"
  printf '%-3s %s %s %s: %s\n' "$([ "$got" = "$expected" ] && echo ok || echo NOT)" "$expected" "$file" "$*" "$got"
}
export -f one
lines=$(sed -E 's/ *#.*//; /^$/d' runs.txt)
for word in "$@"; do lines=$(grep -F -e "$word" <<<"$lines"); done
[ -n "$lines" ] || { echo "run.sh: no run has these words: $*" >&2; exit 2; }
# The longest first, so that none is left over at the end.
awk '{ print (/^anon/ ? 0 : /ROOM_/ ? 1 : 2), NR, $0 }' <<<"$lines" | sort -n | cut -d' ' -f2- |
  xargs -P "${JOBS:-$(nproc)}" -I{} bash -c 'one {}' | tee "$OUT/all"
ok=$(grep -c '^ok' "$OUT/all")
not=$(grep -c '^NOT' "$OUT/all")
echo "$ok as expected, $not not"
[ "$not" = 0 ] && [ "$ok" -gt 0 ]
