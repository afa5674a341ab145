#!/usr/bin/env bash
# Fetches the UCI handwritten digits (digits.csv.gz, 1,797 of 8×8) that Debian's package python3-sklearn ships, and nothing else:
# the package is read, not installed, and neither is anything that it depends on.
#
#   examples/mnist/fetch-digits.sh OUTDIR     writes OUTDIR/digits.csv.gz
set -euo pipefail

out=${1:-}
[ -n "$out" ] && [ "$out" != --help ] && [ "$out" != -h ] || { sed -n '2,5s/^# \{0,1\}//p' "$0"; [ -n "$out" ] && exit 0 || exit 2; }
die() { printf 'fetch-digits.sh: %s\n' "$*" >&2; exit 1; }

package=python3-sklearn
member=./usr/lib/python3/dist-packages/sklearn/datasets/data/digits.csv.gz
[ -s "$out/digits.csv.gz" ] && gzip -t "$out/digits.csv.gz" 2>/dev/null && { echo "$out/digits.csv.gz is there already"; exit 0; }
mkdir -p "$out"

installed=/${member#./}
if [ -r "$installed" ]; then
  cp "$installed" "$out/digits.csv.gz.part"
else
  for tool in apt-get dpkg-deb tar; do
    command -v "$tool" >/dev/null || die "$tool is missing; this needs a Debian system (or copy digits.csv.gz of scikit-learn to $out yourself)."
  done
  work=$(mktemp -d "${TMPDIR:-/tmp}/atelier-digits.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  # apt downloads as the user _apt where it can; let that user write here.
  chmod 755 "$work"
  [ "$(id -u)" -eq 0 ] && chown _apt "$work" 2>/dev/null || true
  download() { (cd "$work" && apt-get download "$package" >"$work/log" 2>&1); }
  download || { [ "$(id -u)" -eq 0 ] && apt-get update >"$work/log" 2>&1 && download; } ||
    { tail -n 5 "$work/log" >&2; die "the package $package could not be downloaded; run apt-get update as root and try again."; }
  dpkg-deb --fsys-tarfile "$work"/"$package"_*.deb | tar -xOf - "$member" >"$out/digits.csv.gz.part" ||
    die "the package $package holds no $member."
fi
gzip -t "$out/digits.csv.gz.part" || die "what was found is not a gzip file."
mv "$out/digits.csv.gz.part" "$out/digits.csv.gz"
echo "$out/digits.csv.gz"
