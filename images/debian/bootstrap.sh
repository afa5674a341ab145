#!/usr/bin/env bash
# Makes the root file system of a minimal Debian 12, as a tar that a container engine can import.
#
#   images/debian/bootstrap.sh OUT.tar
#
# Needs root and mmdebstrap (or debootstrap). The mirror is ATELIER_DEBIAN_MIRROR, else the one this machine's own apt uses when
# it is a Debian mirror, else deb.debian.org; security updates come from ATELIER_DEBIAN_SECURITY_MIRROR, else likewise. The
# mirrors are written into the image, so that Dockerfiles built on it can run apt-get. Nothing else of this machine gets in:
# no proxy, no certificate.
set -euo pipefail

suite=bookworm
include=ca-certificates

out=${1:-}
if [ -z "$out" ] || [ "$out" = --help ] || [ "$out" = -h ]; then
  sed -n '2,9s/^# \{0,1\}//p' "$0"
  [ -n "$out" ] && exit 0 || exit 2
fi
die() { printf 'bootstrap.sh: %s\n' "$*" >&2; exit 1; }
say() { printf 'bootstrap: %s\n' "$*"; }

[ "$(id -u)" -eq 0 ] || die "root is needed to make a root file system."
export LC_ALL=C DEBIAN_FRONTEND=noninteractive PATH="$PATH:/usr/sbin:/sbin"

# URIs of this machine's apt, one a line, of both notations.
host_uris() {
  { cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null | sed -nE 's/^[[:space:]]*deb[[:space:]]+(\[[^]]*\][[:space:]]+)?([^[:space:]]+).*/\2/p'
    cat /etc/apt/sources.list.d/*.sources 2>/dev/null | sed -nE 's/^URIs:[[:space:]]*//pI' | tr -s ' ' '\n'; } | sed 's,/*$,,'
}
first_uri() { host_uris | grep -E "^https?://.*$1\$" | head -n 1 || true; }

mirror=${ATELIER_DEBIAN_MIRROR:-$(first_uri '/debian')}
mirror=${mirror:-http://deb.debian.org/debian}
mirror=${mirror%/}
security=${ATELIER_DEBIAN_SECURITY_MIRROR:-}
if [ -z "$security" ] && [ -z "${ATELIER_DEBIAN_MIRROR:-}" ]; then security=$(first_uri '/debian-security'); fi
security=${security:-http://deb.debian.org/debian-security}
security=${security%/}
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# What no container reads. dpkg never unpacks it, in this image or in those built on it.
excludes=('/usr/share/doc/*' '/usr/share/man/*' '/usr/share/info/*' '/usr/share/locale/*' '/usr/share/lintian/*' '/usr/share/bug/*')

mkdir -p "$(dirname "$out")"
work=$(mktemp -d "${TMPDIR:-/tmp}/atelier-debian.XXXXXX")
trap 'rm -rf "$work"' EXIT
partial="$work/root.tar"

say "Debian 12 ($suite, $(dpkg --print-architecture 2>/dev/null || uname -m)) from $mirror, security updates from $security"

cat >"$work/apt.conf" <<'END'
APT::Install-Recommends "0";
APT::Install-Suggests "0";
Acquire::Languages "none";
Acquire::Retries "3";
Acquire::GzipIndexes "true";
END
{ for path in "${excludes[@]}"; do printf 'path-exclude=%s\n' "$path"; done
  printf 'path-include=/usr/share/doc/*/copyright\npath-include=/usr/share/locale/locale.alias\nforce-unsafe-io\n'; } >"$work/dpkg.cfg"
# Services have no place in an image: package scripts must not start any.
printf '#!/bin/sh\nexit 101\n' >"$work/policy-rc.d"
chmod 755 "$work/policy-rc.d"
printf 'deb %s %s main\n' "$mirror" "$suite" "$mirror" "$suite-updates" "$security" "$suite-security" >"$work/sources.list"

# Makes the settings above part of the root directory $1 and drops what was only needed to make it.
cat >"$work/finish" <<END
#!/bin/sh
set -e
root=\$1
install -D -m 644 "$work/dpkg.cfg" "\$root/etc/dpkg/dpkg.cfg.d/image"
install -D -m 644 "$work/apt.conf" "\$root/etc/apt/apt.conf.d/90image"
install -D -m 755 "$work/policy-rc.d" "\$root/usr/sbin/policy-rc.d"
install -m 644 "$work/sources.list" "\$root/etc/apt/sources.list"
rm -f "\$root"/etc/dpkg/dpkg.cfg.d/99mmdebstrap "\$root"/etc/apt/apt.conf.d/99mmdebstrap
rm -rf "\$root"/var/lib/apt/lists/* "\$root"/var/cache/apt/*.bin "\$root"/var/cache/apt/archives/*.deb \
  "\$root"/var/log/*.log "\$root"/var/log/apt "\$root"/var/cache/debconf/*-old "\$root"/etc/hostname \
  "\$root"/usr/share/man/* "\$root"/usr/share/info/* "\$root"/usr/share/lintian
END
chmod 755 "$work/finish"

if command -v mmdebstrap >/dev/null; then
  dpkgopts=()
  while read -r line; do dpkgopts+=("--dpkgopt=$line"); done <"$work/dpkg.cfg"
  [ -r "$keyring" ] && keyopt=("--keyring=$keyring") || keyopt=()
  mmdebstrap --mode=root --variant=apt --include="$include" "${keyopt[@]}" "${dpkgopts[@]}" --aptopt="$work/apt.conf" \
    --customize-hook="$work/finish" --skip=output/dev \
    --format=tar "$suite" "$partial" "$work/sources.list" 2>&1 | grep --line-buffered -E '^(I|W|E):|rror' ||
    [ "${PIPESTATUS[0]}" -eq 0 ] || die "mmdebstrap failed; see the lines above. Check that $mirror answers, or set ATELIER_DEBIAN_MIRROR."
elif command -v debootstrap >/dev/null; then
  [ -r "$keyring" ] && keyopt=("--keyring=$keyring") || keyopt=()
  debootstrap --variant=minbase --include="$include" "${keyopt[@]}" "$suite" "$work/root" "$mirror" 2>&1 | grep --line-buffered -E '^[IWE]:' ||
    [ "${PIPESTATUS[0]}" -eq 0 ] || die "debootstrap failed; see the lines above. Check that $mirror answers, or set ATELIER_DEBIAN_MIRROR."
  "$work/finish" "$work/root"
  say "packing"
  tar --numeric-owner --one-file-system --exclude=./dev/\* -C "$work/root" -cf "$partial" .
else
  die "neither mmdebstrap nor debootstrap is installed. Debian: apt-get install --no-install-recommends mmdebstrap"
fi

[ -s "$partial" ] || die "no root file system was made; see the lines above."
mv "$partial" "$out"
say "done: $out, $(du -m "$out" | cut -f1) MiB"
