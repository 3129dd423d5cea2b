#!/bin/sh
# Installs lanchat for the current user, updates it, or removes it. docs/INSTALL.md says how to run it.
#
# Nothing that it downloads runs before the signature of the checksums and the checksum of the archive are verified.
# Everything is in functions, so that a script that was cut off does nothing.
set -eu

# To be set at the first release, as in install.ps1 and release/publisher.ts.
OWNER=OWNER
RELEASES=https://github.com/$OWNER/lanchat/releases
KEY='ssh-ed25519 KEY'

usage() {
  cat <<'END'
Installs lanchat, or updates it.
Usage: sh install.sh [--version VERSION] [--prefix DIRECTORY]
       sh install.sh --uninstall [--prefix DIRECTORY]
The directory is ~/.local by default; the program goes into its bin.
END
}

# The files of an archive beside the program, and their places below the prefix.
documents() {
  cat <<'END'
lanchat.1 share/man/man1/lanchat.1
completions/lanchat.bash share/bash-completion/completions/lanchat
completions/_lanchat share/zsh/site-functions/_lanchat
completions/lanchat.fish share/fish/vendor_completions.d/lanchat.fish
END
}

fail() { # ERROR [HINT]
  printf 'install.sh: error: %s\n' "$1" >&2
  [ $# -eq 1 ] || printf 'install.sh: hint: %s\n' "$2" >&2
  exit 1
}

has() { # PROGRAM
  command -v "$1" >/dev/null
}

# The system as archives name it.
target() {
  system=$(uname -s)
  machine=$(uname -m)
  # A shell under Rosetta takes the machine for an older one.
  if [ "$system $machine" = 'Darwin x86_64' ] && [ "$(sysctl -n sysctl.proc_translated 2>/dev/null)" = 1 ]; then
    machine=arm64
  fi
  case "$system $machine" in
    'Linux x86_64') echo linux-x64 ;;
    'Linux aarch64') echo linux-arm64 ;;
    'Darwin x86_64') echo macos-x64 ;;
    'Darwin arm64') echo macos-arm64 ;;
    *) fail "There is no binary for $system on $machine." 'Run lanchat from source.' ;;
  esac
}

download() { # NAME VERSION
  case $2 in
    latest) url=$RELEASES/latest/download/$1 ;;
    *) url=$RELEASES/download/v$2/$1 ;;
  esac
  if has curl; then
    curl --fail --silent --show-error --location --proto "=${RELEASES%%:*}" --output "$work/$1" "$url"
  else
    wget --quiet --tries=1 --output-document="$work/$1" "$url"
  fi || fail "Cannot download $url"
}

verify_signature() {
  printf 'lanchat namespaces="lanchat-release" %s\n' "$KEY" >"$work/allowed_signers"
  ssh-keygen -Y verify -f "$work/allowed_signers" -I lanchat -n lanchat-release -s "$work/SHA256SUMS.sig" \
    <"$work/SHA256SUMS" >"$work/verdict" 2>&1 ||
    fail "The signature of SHA256SUMS is wrong ($(tr -d '\r' <"$work/verdict" | head -n 1)). Nothing was installed."
}

verify_checksum() { # FILE SHA256
  if has sha256sum; then
    sum=$(sha256sum <"$work/$1")
  else
    sum=$(shasum -a 256 <"$work/$1")
  fi
  [ "${sum%% *}" = "$2" ] || fail "The checksum of $1 is wrong. Nothing was installed."
}

# Whether a version is older than another one.
is_older() { # VERSION VERSION
  awk -v first="$1" -v second="$2" 'BEGIN {
    split(first, a, "."); split(second, b, ".")
    for (i = 1; i <= 3; i++) if (a[i] + 0 != b[i] + 0) exit !(a[i] + 0 < b[i] + 0)
    exit 1
  }'
}

# The version of a program; nothing if it does not run.
version_of() { # PROGRAM
  "$1" --version 2>/dev/null | awk 'NR == 1 && $1 == "lanchat" { print $2 }'
}

# Puts a file of the archive into its place in one step, because the one there may be in use.
put() { # FILE PLACE
  { mkdir -p "$(dirname "$prefix/$2")" && mv -f "$unpacked/$1" "$prefix/$2"; } || fail "Cannot write $prefix/$2"
}

install() {
  case $KEY in
    'ssh-ed25519 AAAA'*) ;;
    *) fail 'There is no release yet.' 'Run lanchat from source.' ;;
  esac
  has curl || has wget || fail 'Cannot download: there is neither curl nor wget.' 'Install one of them.'
  has ssh-keygen ||
    fail 'Cannot verify the release: ssh-keygen is missing. Nothing was installed.' 'Install OpenSSH 8.1 or later.'
  has sha256sum || has shasum ||
    fail 'Cannot verify the release: there is neither sha256sum nor shasum. Nothing was installed.'
  target=$(target)
  # Beside the places of the files, so that each moves there in one step.
  { mkdir -p "$prefix/bin" && work=$(mktemp -d "$prefix/.lanchat.XXXXXX"); } ||
    fail "Cannot write into $prefix" 'Choose another directory with --prefix.'
  trap 'rm -rf "$work"' EXIT
  trap 'exit 1' HUP INT TERM

  download SHA256SUMS "$wanted"
  download SHA256SUMS.sig "$wanted"
  verify_signature
  line=$(grep -E "^[0-9a-f]{64}  lanchat-[0-9]+\.[0-9]+\.[0-9]+-$target\.tar\.gz\$" "$work/SHA256SUMS") ||
    fail "The release has no binary for $target."
  archive=${line#*  }
  package=${archive%.tar.gz}
  version=${package#lanchat-}
  version=${version%-"$target"}
  old=$(version_of "$prefix/bin/lanchat")
  if [ "$wanted" = latest ]; then
    if [ "$version" = "$old" ]; then
      echo "lanchat $old is installed in $prefix/bin, and is the latest version."
      exit
    fi
    # A signed list stays valid: without this, a false server could bring an old fault back.
    [ -z "$old" ] || ! is_older "$version" "$old" ||
      fail "The release ($version) is older than the installed lanchat ($old)." "To go back, add --version $version."
  elif [ "$version" != "$wanted" ]; then
    fail "The server has version $version under the name of $wanted. Nothing was installed."
  fi

  download "$archive" "$version"
  verify_checksum "$archive" "${line%% *}"
  tar -xzf "$work/$archive" -C "$work"
  unpacked=$work/$package
  [ "$(version_of "$unpacked/lanchat")" = "$version" ] ||
    fail "lanchat $version does not run on this system. Nothing was installed." 'On Linux it needs glibc 2.27 or later.'
  documents | while read -r file place; do put "$file" "$place"; done
  put lanchat bin/lanchat
  echo "lanchat $version is installed in $prefix/bin${old:+, in place of $old}."
  path_hint
}

# Says what is in the way of typing `lanchat`.
path_hint() {
  found=$(command -v lanchat) || found=
  case $found in
    "$prefix/bin/lanchat") echo 'To begin, type: lanchat' ;;
    '')
      echo 'To find it, add this line to ~/.profile, and log in again:'
      echo "  export PATH=\"$prefix/bin:\$PATH\""
      ;;
    *) echo "Another lanchat comes first on your PATH: $found" ;;
  esac
}

uninstall() {
  [ -e "$prefix/bin/lanchat" ] || fail "lanchat is not installed in $prefix/bin."
  { echo 'lanchat bin/lanchat' && documents; } | while read -r _ place; do
    rm -f "$prefix/$place" || fail "Cannot remove $prefix/$place"
  done
  echo "Removed lanchat from $prefix."
  case $(uname -s) in
    Darwin) kept=$HOME/Library/Application\ Support/lanchat ;;
    *) kept=${XDG_CONFIG_HOME:-$HOME/.config}/lanchat ;;
  esac
  [ ! -d "$kept" ] || echo "Your identity and the people you have met are still in $kept."
}

main() {
  action=install
  wanted=latest
  prefix=
  while [ $# -gt 0 ]; do
    case $1 in
      --help)
        usage
        exit
        ;;
      --uninstall) action=uninstall ;;
      --version | --prefix)
        [ $# -gt 1 ] || fail "$1 needs a value."
        case $1 in
          --version) wanted=${2#v} ;;
          --prefix) prefix=$2 ;;
        esac
        shift
        ;;
      *) fail "Unknown option: $1" 'See sh install.sh --help.' ;;
    esac
    shift
  done
  if [ -z "$prefix" ]; then
    [ -n "${HOME:-}" ] || fail 'HOME is not set.' 'Choose a directory with --prefix.'
    prefix=$HOME/.local
  fi
  case $prefix in
    /*) ;;
    *) prefix=$PWD/$prefix ;;
  esac
  "$action"
}

main "$@"
